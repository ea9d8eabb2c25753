"""What an account's page says of its warnings: who is on it, and who is mailed nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Account
from macros import coverage, on_it, snoozing
from macros.models import Silence
from portal import snooze_rights
from portal.snooze_rights import SNOOZE as SNOOZE
from ui import dates
from ui.name_visibility import NameVisibility, unnamed
from ui.phrases import phrase
from users.models import User, person

WORDS = "words/pool.txt"


@dataclass(frozen=True)
class QuietLine:
    """One silence of an account, as a viewer may know it. `end_url`: where it is ended; "" for whoever may not."""

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
    away = coverage.away_from(account)
    silences = [*snoozing.of_account(account), *away]
    ends = snooze_rights.may_end(person(request), away)
    found = on_it.running([account.pk]).get(account.pk)
    users = User.objects.in_bulk([one.email for one in silences if one.email], field_name="email")
    return {
        "quiet": [
            _line(account, one, users.get(one.email), names, may if one.account_id else one.pk in ends)
            for one in silences
        ],
        "on_it": found,
        "on_it_name": (names.user(found.by) if found.by else found.email) if found else "",
        "may_take_back": may and found is not None and found.email == person(request).email,
    }


def _line(account: Account, one: Silence, user: User | None, names: NameVisibility, may: bool) -> QuietLine:
    whom = (names.user(user) if user else one.email) if one.email else ""
    of_all = one.account_id is None
    end = reverse("admin:accounts_account_snooze_end", args=[account.pk, one.pk])
    if of_all:
        end = reverse("admin:macros_silence_end", args=[one.pk])
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
        end if may and not hidden else "",
    )


def notes(accounts: Sequence[Account], names: NameVisibility) -> dict[int, str]:
    """Return by id what the list says of accounts that somebody is on, or whose warnings are snoozed for everybody. Two queries."""
    ids = [one.pk for one in accounts]
    snoozed = snoozing.running().filter(account__in=ids, email="").values_list("account", "until")
    found = {pk: phrase(WORDS, "snoozed_until", day=dates.day(until)) for pk, until in snoozed if until}
    for pk, one in on_it.running(ids).items():
        found[pk] = phrase(WORDS, "is_on_it", who=names.user(one.by) if one.by else one.email)
    return found
