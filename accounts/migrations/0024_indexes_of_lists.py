"""Indexes for the list of accounts in its usual order, and for the few that are counted apart. Built beside everything that writes."""

from django.db import migrations, models
from django.db.models import Case, Q, Value, When

from users.resumable import AddIndexConcurrently

PLACE = Case(
    When(paused_at__isnull=False, then=Value(4)),
    When(deadline_kind="none", then=Value(0)),
    When(deadline_kind="date", then=Value(1)),
    When(deadline_kind="unknown", then=Value(2)),
    default=Value(3),
)
UNUSUAL = (
    Q(state__in=["paused", "interrupted"])
    | Q(paused_at__isnull=False)
    | ~Q(restriction="")
    | Q(deadline_kind="unknown")
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0023_notice_deactivated"),
    ]

    operations = [
        AddIndexConcurrently("account", models.Index(PLACE, "deadline", name="account_list")),
        AddIndexConcurrently(
            "account", models.Index("team", condition=Q(state="deactivated"), name="account_deactivated")
        ),
        AddIndexConcurrently("account", models.Index("state", condition=UNUSUAL, name="account_unusual")),
        AddIndexConcurrently(
            "account",
            models.Index("people_count", condition=Q(people_count__lte=1), name="account_without_backup"),
        ),
    ]
