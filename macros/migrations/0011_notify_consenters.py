from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """The field has another name; its column and the constraint's text in the database stay as they are."""

    dependencies = [
        ('macros', '0010_help_texts_that_no_page_shows_are_comments'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(model_name='macroaction', name='action_tells_somebody'),
                migrations.RenameField(model_name='macroaction', old_name='linkers', new_name='notify_consenters'),
                migrations.AlterField(
                    model_name='macroaction',
                    name='notify_consenters',
                    field=models.BooleanField(db_column='linkers', default=True, verbose_name='also mail the person who linked the token'),
                ),
                migrations.AddConstraint(
                    model_name='macroaction',
                    constraint=models.CheckConstraint(condition=Q(notify_consenters=True) | ~Q(emails=[]), name='action_tells_somebody'),
                ),
            ],
        ),
    ]
