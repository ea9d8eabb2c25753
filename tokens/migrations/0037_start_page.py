"""An index for the start page: which log-ins were re-authenticated lately. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import F, Q

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("tokens", "0036_asked_index"),
    ]

    operations = [
        AddIndexConcurrently(
            "token",
            models.Index(
                "linked_at", condition=Q(linked_at__gt=F("created_at")), name="token_linked_anew"
            ),
        ),
    ]
