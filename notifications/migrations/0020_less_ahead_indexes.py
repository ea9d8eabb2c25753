"""Indexes that the messages of 20,000 accounts do not need."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('notifications', '0020_less_bounces'),
    ]

    operations = [
        migrations.RemoveIndex("message", "message_recipient"),
        migrations.RemoveIndex("message", "message_waiting"),
        migrations.RemoveIndex("message", "message_waits_since"),
        migrations.RemoveIndex("message", "message_came_late"),
        migrations.RemoveIndex("message", "message_sending"),
        migrations.RemoveIndex("message", "message_sent_lately"),
        migrations.RemoveIndex("message", "message_failed"),
        migrations.RemoveIndex("message", "message_cancelled"),
        migrations.RemoveIndex("message", "message_test"),
        migrations.AddIndex("message", models.Index("recipient", "sent_at", name="message_recipient")),
        migrations.AddIndex(
            "message",
            models.Index("waits_since", condition=models.Q(waits_since__isnull=False), name="message_waits_since"),
        ),
    ]
