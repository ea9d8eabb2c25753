"""Filters of Social Accounts to which the start page's numbers lead. Most are drawn only while the address names them."""

from datetime import date

from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts.models import AccountQuerySet
from portal.choices import OfTheAddress, OnOff
from ui import dates

NEVER, ITSELF = "never", "itself"  # in the address


class AccessLostFilter(OnOff):
    """Accounts that a linked log-in can no longer reach, whatever their pill."""

    title = gettext_lazy("access lost")
    parameter_name = "lost"

    def keep(self, rows: AccountQuerySet, value: str) -> AccountQuerySet:
        """Keep accounts with such a log-in."""
        return rows.access_lost()


class WeekFilter(OfTheAddress):
    """The week of the deadline, by its first day: "2026-11-23"."""

    title = gettext_lazy("deadline in the week of")
    parameter_name = "week"

    def words(self, value: str) -> str:
        """Return the first day."""
        first = _day(value)
        return dates.day(first) if first else ""

    def keep(self, rows: AccountQuerySet, value: str) -> AccountQuerySet:
        """Keep accounts whose deadline is in these seven days."""
        first = _day(value)
        assert first is not None
        return rows.in_week(first, now=timezone.now(), zone=timezone.get_current_timezone())


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return (
        found if 2000 <= found.year <= 2999 else None
    )  # no week of it begins or ends outside what dates can say


class EndFilter(OfTheAddress):
    """Accounts whose deadline is none: it never comes, or moves by itself."""

    title = gettext_lazy("deadline")
    parameter_name = "ends"

    def words(self, value: str) -> str:
        """Return "No end date"."""
        return {NEVER: gettext("No end date"), ITSELF: gettext("Renews itself")}.get(value, "")

    def keep(self, rows: AccountQuerySet, value: str) -> AccountQuerySet:
        """Keep the accounts that the start page counts beside the deadlines of the weeks."""
        if value == NEVER:
            return rows.endless()
        return rows.renewing(now=timezone.now())
