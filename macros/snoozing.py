"""Nobody is warned of an account for a while, or one person hears nothing of it, or of any; and whom one macro leaves out of one account.

A silence never makes an account go dark untold: that it went dark is told in spite of what is for everybody, whoever alone is left out has
team leads or operators told in their place, and when a silence ends the next evaluation tells what was reached meanwhile.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection, transaction
from django.db.models import Exists, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from accounts import quiet
from accounts.models import Account, AccountEvent
from macros import opt_outs, snooze_mail
from macros.models import Macro, Silence
from notifications import clean
from notifications.models import Message
from ui import kept
from ui.refusal import Refusal
from users import hold
from users.models import AddressEvent, User

LONGEST = 90  # days
REASON = 200  # characters
HISTORY = "words/history.txt"
_LOCK = 7_406  # any number: the class of our advisory locks by address
# For whoever asks below: `accounts.quiet`. An address that one macro leaves out is that macro's affair.
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
    since = dict(old.values_list("account", "started_at"))  # what was kept back since then
    old.update(ended_at=now)
    reason = clean.line(reason, REASON)
    Silence.objects.bulk_create(
        Silence(
            account=one,
            email=email.lower(),
            until=until,
            reason=reason,
            by=by,
            started_at=since.get(one.pk, now),
        )
        for one in found
    )
    whom = email if email and by is None else ""
    note = ": ".join(
        part for part in (whom, until.isoformat(), reason) if part
    )  # each reader has the day in their language
    kind = AccountEvent.Kind.SNOOZED
    _events(found, kind, cause="everybody" if not email else "one", by=by, note=note, now=now)
    return len(found)


def all_away() -> QuerySet[Silence]:
    """Return the snoozes of all accounts that run, of whatever address."""
    return running().filter(account=None)


def of_person(email: str) -> Silence | None:
    """Return the snooze of all accounts by an address, if one runs."""
    return all_away().filter(email=email.lower()).select_related("by").first()


def check_link(message: Message) -> None:
    """Raise SnoozeRefusal where the links of a mail begin no snooze any longer."""
    if opt_outs.is_over(message):
        raise SnoozeRefusal(
            gettext(
                "This mail is over: what it warned of has another date by now. Take the link of a newer one."
            )
        )


def day_of(text: str) -> date:
    """Return the day that somebody entered. Raises SnoozeRefusal for none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SnoozeRefusal(_choose_a_day()) from None


@transaction.atomic
def snooze_all(
    *, email: str, until: date, by: User | None, reason: str, now: datetime, link_of: Message | None = None
) -> Silence:
    """Tell one address nothing of any account until the morning of a day, also of those that come later.

    One that runs already is replaced. `by`: staff, or None for its reader. `link_of`: the mail whose link asks for it, which whoever it was
    forwarded to has as well: so the address hears of it by a mail that ends it at a press. In the history of the address, and of whoever
    logs in with it. Raises SnoozeRefusal for a day that is over or more than LONGEST days off, and where such links did so too often
    today; OnHold where that mail cannot be sent.
    """
    _check(until, now)
    email = email.lower()
    if link_of is not None:
        hold.refuse()
        if snooze_mail.is_enough(email, now=now):
            raise SnoozeRefusal(
                gettext("This address was snoozed often enough today. Try again tomorrow, or ask staff.")
            )
    one_at_a_time(email)
    person = User.objects.filter(email=email).select_for_update().first()
    before = all_away().filter(email=email)
    since = before.values_list("started_at", flat=True).first() or now  # what was kept back since then
    before.update(ended_at=now)
    made = Silence.objects.create(
        account=None,
        email=email,
        until=until,
        reason=clean.line(reason, REASON),
        by=by,
        message=link_of.pk if link_of else None,
        started_at=since,
    )
    _log(person, by, kept.keep(HISTORY, "snoozed_all", day=kept.day(until), note=made.reason))
    note_snoozed(made, now)
    if link_of is not None:
        snooze_mail.tell(made, now=now)
    return made


def one_at_a_time(email: str) -> None:
    """Have two presses for one address follow each other until the caller's transaction ends: no row of a person may be there to lock."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, email])


@transaction.atomic
def end_all(*, email: str, by: User | None, now: datetime) -> bool:
    """End the snooze of all accounts by an address. Returns False where none ran."""
    found = all_away().filter(email=email.lower()).select_for_update(of=("self",)).first()
    if found is None:
        return False
    _end([found], now)
    person = User.objects.filter(email=email.lower()).first()
    _log(person, by, kept.keep(HISTORY, "mailed_again"))
    AddressEvent.objects.create(kind=AddressEvent.Kind.RESUMED, email=found.email, by=by, at=now)
    return True


def note_snoozed(made: Silence, now: datetime) -> None:
    """Write it into the history of the address."""
    block = "address_snoozed_by_link" if made.message else "address_snoozed"
    AddressEvent.objects.create(
        kind=AddressEvent.Kind.SNOOZED,
        email=made.email,
        said=kept.cut(kept.keep(HISTORY, block, day=kept.day(made.until), note=made.reason), 300)
        if made.until
        else "",
        by=made.by,
        message=made.message,
        at=now,
    )


def _log(person: User | None, by: User | None, text: str) -> None:
    """Write it into the history of a person, by whoever did it: the person, unless it was staff."""
    if person is not None:
        LogEntry.objects.log_actions((by or person).pk, [person], CHANGE, text, single_object=True)


def _check(until: date, now: datetime) -> None:
    if not first_day(now) <= until <= last_day(now):
        raise SnoozeRefusal(_choose_a_day())


def first_day(now: datetime) -> date:
    """Return the first day until whose morning a snooze may last: tomorrow in the project's time zone, wherever its reader is."""
    return proposed_day(now, days=1)


def last_day(now: datetime) -> date:
    """Return the last such day."""
    return proposed_day(now, days=LONGEST)


def proposed_day(now: datetime, *, days: int) -> date:
    """Return the day so many days ahead, in the project's time zone, which mails go by."""
    return timezone.localdate(now, timezone.get_default_timezone()) + timedelta(days=days)


def end_of(account: Account, now: datetime) -> date | None:
    """Return the day on which an account ends unless somebody acts, in the same zone; None where none is known to come."""
    ends = account.deadline
    return timezone.localdate(ends, timezone.get_default_timezone()) if ends and ends > now else None


def _choose_a_day() -> str:
    return gettext("Choose a day from tomorrow on, %(days)s days ahead at most.") % {"days": LONGEST}


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
def end(*, silences: QuerySet[Silence], by: User | None, now: datetime, cause: str = "") -> int:
    """End silences, with one event on each account. Returns how many; 0 where somebody was faster."""
    found = list(silences.filter(ended_at=None).select_for_update(of=("self",)).select_related("account"))
    _end(found, now)
    accounts = list({one.account.pk: one.account for one in found if one.account}.values())
    _events(accounts, AccountEvent.Kind.UNSNOOZED, cause=cause, by=by, note="", now=now)
    return len(found)


def end_due(now: datetime) -> int:
    """End the silences until this morning, from the hour on from which the day's warnings go out. Returns how many.

    One query where none is due.
    """
    due = running().filter(until__lte=quiet.morning(now))
    if not due.exists():
        return 0
    with transaction.atomic():
        found = list(due.select_for_update(of=("self",)))
        _end(found, now)
    return len(found)


def _end(found: Collection[Silence], now: datetime) -> None:
    """End these. A sweep looks at what happened meanwhile, see `missed`."""
    Silence.objects.filter(pk__in=[one.pk for one in found]).update(ended_at=now, look_at=now)


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
