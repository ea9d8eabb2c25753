"""When a deadline became known: stored, since neither the last renewal nor the last move tells."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models
from django.db.models import F, Min, OuterRef, Subquery
from django.db.models.functions import Coalesce


def fill(apps, schema_editor):
    """What was there before: known since the consent that sets the date, which every later renewal only prolonged."""
    entries = apps.get_model("accounts", "AccountToken").objects.filter(
        account=OuterRef("pk"), token__deadline=OuterRef("deadline")
    )
    consented = entries.values("account").annotate(at=Min("token__linked_at")).values("at")
    apps.get_model("accounts", "Account").objects.update(
        cycle_since=Coalesce(Subquery(consented), F("created_at")), cycle_deadline=F("deadline")
    )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_fill_first_linked_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='cycle_deadline',
            field=models.DateTimeField(blank=True, help_text='The deadline as it stood when the cycle began.', null=True),
        ),
        migrations.AddField(
            model_name='account',
            name='cycle_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, help_text='Since when the deadline is known.'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
