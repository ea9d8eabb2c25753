"""Campaigns: whether those are asked who snoozed, and which log-ins had stopped when it began."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("accounts", "0043_campaigns")]

    operations = [
        migrations.AddField(
            model_name="campaign", name="asks_snoozed", field=models.BooleanField(db_default=False)
        ),
        migrations.AddField(
            model_name="campaignlogin", name="was_dead", field=models.BooleanField(db_default=False)
        ),
    ]
