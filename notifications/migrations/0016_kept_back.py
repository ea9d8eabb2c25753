"""Since when our own mail server kept a mail from leaving. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddField, AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0015_returns_of_policies"),
    ]

    operations = [
        AddField(
            model_name="message",
            name="waits_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        AddIndexConcurrently(
            "message",
            models.Index("recipient", condition=Q(state="queued"), name="message_waiting"),
        ),
        AddIndexConcurrently(
            "message",
            models.Index("waits_since", condition=Q(waits_since__isnull=False), name="message_kept_back"),
        ),
    ]
