import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who looks after a macro: whoever made it, until it is given to somebody else."""

    dependencies = [
        ('macros', '0012_told_at_once'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='macro',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunSQL(
            sql=['set constraints all immediate', 'update macros_macro set owner_id = created_by_id'],
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
