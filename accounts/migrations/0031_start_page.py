"""Indexes for the start page: what happened lately, and log-ins that lost an account. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0030_rows_of_deeds"),
    ]

    operations = [
        AddIndexConcurrently(
            "accountevent",
            models.Index(
                "at",
                include=["kind", "cause", "account"],
                condition=Q(kind__in=["shifted", "deactivated"]),
                name="account_event_start_page",
            ),
        ),
        AddIndexConcurrently(
            "accounttoken",
            models.Index("account", condition=Q(access="lost"), name="pool_access_lost"),
        ),
    ]
