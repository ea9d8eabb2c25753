"""Who of staff may snooze all warnings to somebody, and end that."""

from collections.abc import Sequence

from django.db.models import Q

from macros.models import Silence
from portal import parked_scope
from users import visibility
from users.models import User

SNOOZE = "macros.snooze_account"


def may(viewer: User, user: User) -> bool:
    """Return whether the viewer may snooze the warnings to a person: all of whose teams are their own, or themselves."""
    return viewer.has_perm(SNOOZE) and (user == viewer or visibility.manages(viewer, user))


def may_end(viewer: User, rows: Sequence[Silence]) -> set[int]:
    """Return those of these snoozes of all accounts (ids) that the viewer may end: by people as above, by addresses that they may know of.

    A fixed number of queries.
    """
    if not (rows and viewer.has_perm(SNOOZE)):
        return set()
    known = parked_scope.snoozed(viewer).filter(pk__in=[row.pk for row in rows])
    people = User.objects.filter(email__in=[row.email for row in rows])
    managed = people.filter(Q(pk=viewer.pk) | Q(pk__in=visibility.managed_by(viewer).values("pk")))
    others = people.exclude(pk__in=managed.values("pk"))
    return set(known.exclude(email__in=others.values("email")).values_list("pk", flat=True))
