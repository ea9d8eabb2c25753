"""One deed at a time that asks for what is due, of each person who begins it."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0031_start_page"),
    ]

    operations = [
        migrations.AddConstraint(
            "deed",
            models.UniqueConstraint(
                fields=["kind", "subject_id"],
                condition=Q(state__in=["waiting", "making"], kind="ask_due"),
                name="one_ask_for_what_is_due",
            ),
        ),
    ]
