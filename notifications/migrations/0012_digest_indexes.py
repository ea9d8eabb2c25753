"""How many mails an address got within a day, and what a digest holds. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0011_digests"),
    ]

    operations = [
        AddIndexConcurrently(
            "message",
            models.Index("recipient", "sent_at", condition=Q(state="sent"), name="message_sent_lately"),
        ),
        AddIndexConcurrently(
            "message",
            models.Index("digest", condition=Q(digest__isnull=False), name="message_of_digest"),
        ),
    ]
