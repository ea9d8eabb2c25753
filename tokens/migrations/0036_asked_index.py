"""An index of the events of asks, few among all others: pages that ask many look for those of today. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("tokens", "0035_names_index"),
    ]

    operations = [
        AddIndexConcurrently("tokenevent", models.Index("at", condition=Q(kind="asked"), name="token_event_asked")),
    ]
