"""An index that pages read instead of the log-ins themselves, whose rows are wide. Built beside everything that writes."""

from django.db import migrations, models

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("tokens", "0037_start_page"),
    ]

    operations = [
        AddIndexConcurrently(
            "token",
            models.Index(
                "id",
                include=["app", "consented_by", "kind", "team", "state", "first_linked_at", "native_user_id"],
                name="token_facts",
            ),
        ),
    ]
