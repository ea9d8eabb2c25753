"""When a token first stood in a pool. `accounts` fills it, where the pools and their events are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tokens", "0005_redundant_indexes")]
    operations = [
        migrations.AddField(
            model_name="token",
            name="first_linked_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When it first stood in the pool of an account. Empty: never, so a sweep may revoke and delete it.",
                null=True,
            ),
        ),
    ]
