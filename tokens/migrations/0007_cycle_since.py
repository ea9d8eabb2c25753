"""When a deadline became known: stored, since neither the last renewal nor the last move tells."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models
from django.db.models import F


def fill(apps, schema_editor):
    """What was there before: known since the person's last consent, which every later renewal only prolonged."""
    apps.get_model("tokens", "Token").objects.update(cycle_since=F("linked_at"), cycle_deadline=F("deadline"))


class Migration(migrations.Migration):

    dependencies = [
        ('tokens', '0006_first_linked_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='token',
            name='cycle_deadline',
            field=models.DateTimeField(blank=True, help_text='The deadline as it stood when the cycle began.', null=True),
        ),
        migrations.AddField(
            model_name='token',
            name='cycle_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, help_text='Since when the deadline is known.'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
