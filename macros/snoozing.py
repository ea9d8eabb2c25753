"""Nobody is warned of an account for a while, or one person hears nothing of it; and whom one macro leaves out of one account.

A silence never makes an account go dark untold: that it went dark is told in spite of what is for everybody, whoever alone is left out has
team leads or operators told in their place, and when a silence ends the next evaluation tells what was reached meanwhile.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import Account, AccountEvent
from macros.models import Macro, Silence
from notifications import clean
from ui.refusal import Refusal
from users.models import User

LONGEST = 90  # days
REASON = 200  # characters
# For whoever asks below: `accounts.campaigns.quiet`. An address that one macro leaves out is that macro's affair.
ROWS = "select account_id, email, until, started_at from macros_silence where ended_at is null and macro_id is null"


class SnoozeRefusal(Refusal):
    """A silence is not possible. The text says why."""


def running() -> QuerySet[Silence]:
    """Return the silences that are not over."""
    return Silence.objects.filter(ended_at=None)


def of_account(account: Account) -> QuerySet[Silence]:
    """Return those of an account, with their macros and who wrote them."""
    return running().filter(account=account).select_related("macro", "by").order_by("email", "pk")


@transaction.atomic
def snooze(
    *, accounts: Collection[Account], email: str, until: date, by: User | None, reason: str, now: datetime
) -> int:
    """Tell one address nothing of the accounts until the morning of a day; nobody is warned ahead where the address is "".

    A silence of the same address that runs already is replaced. Leaves one event on each account. Returns how many accounts.
    Raises SnoozeRefusal for a day that is over or more than LONGEST days off.
    """
    today = timezone.localdate(now)
    if not today < until <= today + timedelta(days=LONGEST):
        raise SnoozeRefusal(
            gettext("Choose a day from tomorrow on, %(days)s days ahead at most.") % {"days": LONGEST}
        )
    found = list(Account.objects.locked().filter(pk__in=[one.pk for one in accounts]))
    old = running().filter(account__in=found, macro=None, email=email.lower())
    old.update(ended_at=now)
    reason = clean.line(reason, REASON)
    Silence.objects.bulk_create(
        Silence(account=one, email=email.lower(), until=until, reason=reason, by=by, started_at=now)
        for one in found
    )
    whom = email if email and by is None else ""
    note = ": ".join(
        part for part in (whom, until.isoformat(), reason) if part
    )  # each reader has the day in their language
    kind = AccountEvent.Kind.SNOOZED
    _events(found, kind, cause="everybody" if not email else "one", by=by, note=note, now=now)
    return len(found)


@transaction.atomic
def leave_out(*, macro: Macro, account: Account, email: str, by: User, reason: str, now: datetime) -> bool:
    """Have a macro tell an address nothing of an account, until somebody ends it. Returns False where it is so already."""
    Account.objects.locked().get(pk=account.pk)
    if running().filter(macro=macro, account=account, email=email.lower()).exists():
        return False
    Silence.objects.create(
        macro=macro,
        account=account,
        email=email.lower(),
        by=by,
        reason=clean.line(reason, REASON),
        started_at=now,
    )
    note = f"{macro}: {email.lower()}"
    _events([account], AccountEvent.Kind.SNOOZED, cause="left_out", by=by, note=note, now=now)
    return True


@transaction.atomic
def end(*, silences: QuerySet[Silence], by: User | None, now: datetime) -> int:
    """End silences, with one event on each account. Returns how many; 0 where somebody was faster."""
    found = list(silences.filter(ended_at=None).select_for_update(of=("self",)).select_related("account"))
    Silence.objects.filter(pk__in=[one.pk for one in found]).update(ended_at=now)
    accounts = list({one.account_id: one.account for one in found}.values())
    _events(accounts, AccountEvent.Kind.UNSNOOZED, cause="", by=by, note="", now=now)
    return len(found)


def end_due(now: datetime) -> int:
    """End the silences whose day has come. Returns how many."""
    return running().filter(until__lte=timezone.localdate(now)).update(ended_at=now)


def left_out(email: str) -> Q:
    """Return the condition of accounts of which an address is told nothing."""
    return Q(pk__in=running().filter(macro=None, email=email.lower()).values("account"))


def _events(
    accounts: Collection[Account], kind: str, *, cause: str, by: User | None, note: str, now: datetime
) -> None:
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account=one,
            kind=kind,
            cause=cause,
            source="staff" if by else "mail",
            actor=by,
            note=clean.line(note, 300),
            at=now,
        )
        for one in accounts
    )
