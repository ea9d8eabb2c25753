from django.db import migrations, models


class Migration(migrations.Migration):
    """The field has another name; its column in the database stays as it is."""

    dependencies = [
        ('accounts', '0022_help_texts_that_no_page_shows_are_comments'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField(model_name='accountnotice', old_name='dark', new_name='deactivated'),
                migrations.AlterField(
                    model_name='accountnotice',
                    name='deactivated',
                    field=models.BooleanField(db_column='dark', default=False),
                ),
            ],
        ),
    ]
