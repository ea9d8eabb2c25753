"""The place of an account in the list Social Accounts, as SQL that an index holds too. It knows no model, so that the model may name it."""

from django.db.models import Case, Value, When

# Deactivated, then by deadline, then unknown, then never, then paused.
PLACE = Case(
    When(paused_at__isnull=False, then=Value(4)),
    When(deadline_kind="none", then=Value(0)),
    When(deadline_kind="date", then=Value(1)),
    When(deadline_kind="unknown", then=Value(2)),
    default=Value(3),
)
