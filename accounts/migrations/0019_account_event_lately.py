"""An index of a few pages by time, for metrics. Built beside everything that writes."""

import django.contrib.postgres.indexes
from django.db import migrations

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0018_channelsweep"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="accountevent",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["at"], autosummarize=True, name="account_event_lately"),
        ),
    ]
