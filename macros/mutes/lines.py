"""What an account's page says of its warnings: who is on it, who is mailed nothing; and who of staff may know of mutes, and end them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Account
from macros.models import Mute
from macros.mutes import acknowledgements
from macros.mutes.models import MuteQuerySet
from macros.notices import coverage
from macros.rules import scope
from portal import access
from ui import dates
from ui.name_visibility import NameVisibility, unnamed
from ui.phrases import phrase
from users.models import User, person
from users.people import visibility

WORDS = "words/pool.txt"
SNOOZE, CHANGE_MACRO = "macros.snooze_account", "macros.change_macro"


def visible_to(viewer: User) -> MuteQuerySet:
    """Return what mutes accounts that the viewer sees, and all accounts of addresses that they may know of; what is over, too."""
    of_all = access.rows_of_known_addresses(Mute.objects.of_all_accounts(), viewer)
    if not viewer.has_perm(access.VIEW):
        return Mute.objects.filter(pk__in=of_all.values("pk"))
    of_some = Q(account__isnull=False)
    if not viewer.sees_all_teams:
        of_some = Q(account__in=Account.objects.visible_to(viewer).values("pk"))
    return Mute.objects.filter(of_some | Q(pk__in=of_all.values("pk")))


def may_mute(viewer: User, user: User) -> bool:
    """Return whether the viewer may snooze all warnings to a person: all of whose teams are their own, or themselves."""
    return viewer.has_perm(SNOOZE) and (user == viewer or visibility.manages(viewer, user))


def may_end(viewer: User, rows: Sequence[Mute]) -> set[int]:
    """Return those of these mutes (ids), of which the viewer may know, that they may end.

    Of all accounts: by people as `may_mute`, by addresses that are nobody's. What one macro leaves out: whoever may change it. A fixed
    number of queries.
    """
    if not (rows and viewer.has_perm(SNOOZE)):
        return set()
    of_macros = [row for row in rows if row.macro_id]
    macros: Collection[int] = ()
    if of_macros and viewer.has_perm(CHANGE_MACRO):
        macros = set(scope.changeable_macros(viewer).values_list("pk", flat=True))
    emails = {row.email for row in rows if row.account_id is None}
    others = User.objects.filter(email__in=emails).exclude(
        Q(pk=viewer.pk) | Q(pk__in=visibility.managed_by(viewer).values("pk"))
    )
    foreign = set(others.values_list("email", flat=True)) if emails else set()
    return {
        row.pk
        for row in rows
        if (row.macro_id in macros if row.macro_id else row.account_id or row.email not in foreign)
    }


def end_url(*ids: int) -> str:
    """Return the address of the page that asks before these mutes (ids) are ended."""
    return f"{reverse('admin:macros_mute_end')}?ids={','.join(map(str, ids))}"


@dataclass(frozen=True)
class QuietLine:
    """One mute of an account, as a viewer may know it. `end_url`: where it is ended; "" for whoever may not."""

    whom: str  # "" for everybody
    of_all: bool  # of all accounts
    by_link: bool  # by the link of a mail, which may have been forwarded
    until: date | None
    macro: str
    by: str
    reason: str
    end_url: str


def context(request: HttpRequest, account: Account, names: NameVisibility) -> dict[str, Any]:
    """Return what an account's page shows: who is on it, and what is not mailed."""
    may = request.user.has_perm(SNOOZE)
    own = Mute.objects.running().filter(account=account).select_related("macro", "by")
    mutes = [*own.order_by("email", "pk"), *coverage.away_from(account)]
    ends = may_end(person(request), mutes)
    found = acknowledgements.running([account.pk]).get(account.pk)
    users = User.objects.in_bulk([one.email for one in mutes if one.email], field_name="email")
    return {
        "quiet": [_line(one, users.get(one.email), names, one.pk in ends) for one in mutes],
        "on_it": found,
        "on_it_name": (names.user(found.by) if found.by else found.email) if found else "",
        "may_take_back": may and found is not None and found.email == person(request).email,
    }


def _line(one: Mute, user: User | None, names: NameVisibility, may: bool) -> QuietLine:
    whom = (names.user(user) if user else one.email) if one.email else ""
    of_all = one.account_id is None
    macro = str(one.macro) if one.macro else ""
    hidden = bool(one.email) and whom == unnamed()
    by = names.user(one.by)
    away = of_all and (hidden or by == unnamed())
    reason = "" if away else one.reason  # why somebody in another team is away, or what another team wrote
    return QuietLine(
        whom,
        of_all,
        one.message is not None,
        one.until,
        macro,
        by,
        reason,
        end_url(one.pk) if may and not hidden else "",
    )


def notes(accounts: Sequence[Account], names: NameVisibility) -> dict[int, str]:
    """Return by id what the list says of accounts that somebody is on, or whose warnings are snoozed for everybody. Two queries."""
    ids = [one.pk for one in accounts]
    snoozed = Mute.objects.running().for_everybody().filter(account__in=ids).values_list("account", "until")
    found = {pk: phrase(WORDS, "snoozed_until", day=dates.day(until)) for pk, until in snoozed if until}
    for pk, one in acknowledgements.running(ids).items():
        found[pk] = phrase(WORDS, "is_on_it", who=names.user(one.by) if one.by else one.email)
    return found
