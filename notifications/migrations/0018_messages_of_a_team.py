"""Whom a team's mails went to is read from an index: built beside everything that writes. It takes the place of that of the team alone."""

from django.db import migrations, models

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0017_kept_back_indexes"),
    ]

    operations = [
        AddIndexConcurrently("message", models.Index("team", "recipient", name="message_of_team")),
    ]
