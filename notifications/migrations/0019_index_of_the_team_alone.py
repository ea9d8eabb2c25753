"""The index of the team alone goes, beside everything that writes: Django would take the foreign key away with it and look at all messages."""

import django.db.models.deletion
from django.db import migrations, models

INDEX = "notifications_message_team_id_3f229710"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0018_messages_of_a_team"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    f"drop index concurrently if exists {INDEX}",
                    [  # one whose building was cut off is there, and is never read
                        f"drop index concurrently if exists {INDEX}",
                        f"create index concurrently {INDEX} on notifications_message (team_id)",
                    ],
                )
            ],
            [
                migrations.AlterField(
                    "message",
                    "team",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="users.team",
                        verbose_name="team",
                    ),
                )
            ],
        )
    ]
