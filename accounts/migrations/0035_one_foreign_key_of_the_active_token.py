"""The active token's own foreign key goes: that of account and token together (0004) says it, and more. The column and its index stay."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0034_contacts_and_client_links"),
        ("tokens", "0038_facts_index"),
    ]

    operations = [
        migrations.AlterField(
            "account",
            "active_token",
            models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="active_for",
                to="tokens.token",
            ),
        ),
    ]
