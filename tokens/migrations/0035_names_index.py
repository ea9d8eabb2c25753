"""An index of the columns that the search for people reads. Built beside everything that writes."""

from django.db import migrations, models

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("tokens", "0034_region"),
    ]

    operations = [
        AddIndexConcurrently(
            "token", models.Index("native_user_name", "consented_by", "id", name="token_names")
        ),
    ]
