"""Whom any process is mailing now, while very many mails wait. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0008_cancelled_index"),
    ]

    operations = [
        AddIndexConcurrently(
            "message",
            models.Index("recipient", condition=Q(state="sending"), name="message_sending"),
        ),
    ]
