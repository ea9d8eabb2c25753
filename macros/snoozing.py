"""Nobody is warned of an account for a while, or one person hears nothing of it, or of any; and whom one macro leaves out of one account.

A silence never makes an account go dark untold: that it went dark is told in spite of what is for everybody, whoever alone is left out has
team leads or operators told in their place, and when a silence ends the next evaluation tells what was reached meanwhile.
"""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Exists, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import Account, AccountEvent
from macros import delays
from macros.models import Macro, Silence
from notifications import clean
from ui import kept
from ui.refusal import Refusal
from users.models import User

LONGEST = 90  # days
REASON = 200  # characters
HISTORY = "words/history.txt"
# For whoever asks below: `accounts.campaigns.quiet`. An address that one macro leaves out is that macro's affair.
ROWS = """
    select account_id, email, until, started_at from macros_silence
    where ended_at is null and macro_id is null and account_id is not null"""
PEOPLE = "select email, until, started_at from macros_silence where ended_at is null and account_id is null"


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
    _check(until, now)
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


def of_person(email: str) -> Silence | None:
    """Return the snooze of all accounts by an address, if one runs."""
    return running().filter(account=None, email=email.lower()).select_related("by").first()


@transaction.atomic
def snooze_all(*, email: str, until: date, by: User | None, reason: str, now: datetime) -> Silence:
    """Tell one address nothing of any account until the morning of a day, also of those that come later.

    One that runs already is replaced. `by`: staff, or None for its reader. In the history of whoever logs in with it, where somebody does.
    Raises SnoozeRefusal for a day that is over or more than LONGEST days off.
    """
    _check(until, now)
    person = User.objects.filter(email=email.lower()).select_for_update().first()
    running().filter(account=None, email=email.lower()).update(ended_at=now)
    made = Silence.objects.create(
        account=None,
        email=email.lower(),
        until=until,
        reason=clean.line(reason, REASON),
        by=by,
        started_at=now,
    )
    _log(person, by, kept.keep(HISTORY, "snoozed_all", day=kept.day(until), note=made.reason))
    return made


@transaction.atomic
def end_all(*, email: str, by: User | None, now: datetime) -> bool:
    """End the snooze of all accounts by an address. Returns False where none ran."""
    found = running().filter(account=None, email=email.lower()).select_for_update(of=("self",)).first()
    if found is None:
        return False
    _end([found], now, at=now)
    person = User.objects.filter(email=email.lower()).first()
    _log(person, by, kept.keep(HISTORY, "mailed_again"))
    return True


def _log(person: User | None, by: User | None, text: str) -> None:
    """Write it into the history of a person, by whoever did it: the person, unless it was staff."""
    if person is not None:
        LogEntry.objects.log_actions((by or person).pk, [person], CHANGE, text, single_object=True)


def _check(until: date, now: datetime) -> None:
    today = timezone.localdate(now)
    if not today < until <= today + timedelta(days=LONGEST):
        raise SnoozeRefusal(
            gettext("Choose a day from tomorrow on, %(days)s days ahead at most.") % {"days": LONGEST}
        )


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
    _end(found, now, at=now)
    accounts = list({one.account.pk: one.account for one in found if one.account}.values())
    _events(accounts, AccountEvent.Kind.UNSNOOZED, cause="", by=by, note="", now=now)
    return len(found)


def end_due(now: datetime) -> int:
    """End the silences whose day has come. Returns how many. One query where none has."""
    if not running().filter(until__lte=timezone.localdate(now)).exists():
        return 0
    with transaction.atomic():
        found = list(running().filter(until__lte=timezone.localdate(now)).select_for_update(of=("self",)))
        zone = timezone.get_default_timezone()
        morning = datetime.combine(timezone.localdate(now), time(settings.MACROS_HOUR), tzinfo=zone)
        _end(found, now, at=max(now, morning))
    return len(found)


def _end(found: Collection[Silence], now: datetime, *, at: datetime) -> None:
    """End these. What went dark meanwhile, and tells macros at once, is looked at again `at` this moment: warnings come in the morning."""
    Silence.objects.filter(pk__in=[one.pk for one in found]).update(ended_at=now)
    dark = AccountEvent.objects.filter(
        kind=AccountEvent.Kind.DEACTIVATED, account__state=Account.State.DEACTIVATED
    )
    of_accounts = Q(account__in=[one.account_id for one in found if one.account_id])
    since = [one.started_at for one in found if one.account_id is None]
    missed = of_accounts | Q(at__gte=min(since)) if since else of_accounts
    last = (
        dark.filter(missed)
        .order_by()
        .values("account")
        .annotate(last=Max("pk"))
        .values_list("last", flat=True)
    )
    delays.look_again(last, now=at)


def left_out(email: str) -> Q:
    """Return the condition of accounts of which an address is told nothing."""
    mine = running().filter(macro=None, email=email.lower())
    return Q(pk__in=mine.exclude(account=None).values("account")) | Q(Exists(mine.filter(account=None)))


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
