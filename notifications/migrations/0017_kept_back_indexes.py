"""What is kept back now, and what left late: each by an index of its own, which what left long ago is not in. Beside all that writes."""

from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddIndexConcurrently, RemoveIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0016_kept_back"),
    ]

    operations = [
        AddIndexConcurrently(
            "message",
            models.Index(
                "waits_since",
                condition=Q(state__in=["queued", "held"], waits_since__isnull=False),
                name="message_waits_since",
            ),
        ),
        AddIndexConcurrently(
            "message",
            models.Index("sent_at", condition=Q(waits_since__isnull=False), name="message_came_late"),
        ),
        RemoveIndexConcurrently("message", "message_kept_back"),
    ]
