"""The list of cancelled mails, among a million others. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import F, Q

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0007_test_mail_index"),
    ]

    operations = [
        AddIndexConcurrently(
            "message",
            models.Index(
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(state="cancelled"),
                name="message_cancelled",
            ),
        ),
    ]
