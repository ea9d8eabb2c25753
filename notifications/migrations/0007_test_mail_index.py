"""An index of a few rows, for the question whether a test mail went out. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0006_help_texts_that_no_page_shows_are_comments"),
    ]

    operations = [
        AddIndexConcurrently("message", models.Index("state", condition=Q(kind="test"), name="message_test")),
    ]
