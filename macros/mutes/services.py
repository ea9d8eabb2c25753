"""One person hears nothing of an account for a while, or of any; and what one macro leaves out.

What is muted never goes dark untold: whoever alone would be told has team leads or operators told in their place, and when it ends the next
evaluation tells what was reached meanwhile.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from accounts.models import Account, AccountEvent
from infra import locks
from infra.locks import Lock
from macros.models import Macro, Mute
from macros.mutes.mails import is_over, tell_muted
from notifications.models import Message
from notifications.outbox import clean_line
from ui import stored_phrases as kept
from ui.dates import local_day
from ui.errors import Refusal
from users.installation import hold
from users.models import AddressEvent, User

LONGEST = 90  # days
HISTORY = "words/history.txt"


class MuteRefusal(Refusal):
    """Muting is not possible. The text says why."""


def mute_of_person(email: str) -> Mute | None:
    """Return what mutes all accounts for an address, if anything does."""
    return Mute.objects.running().of_all_accounts().of_reader(email).first()


def check_link(message: Message) -> None:
    """Raise MuteRefusal where the links of a mail mute nothing any longer."""
    if is_over(message):
        raise MuteRefusal(
            gettext(
                "This mail is over: what it warned of has another date by now. Take the link of a newer one."
            )
        )


@transaction.atomic
def mute_accounts(*, accounts: Collection[Account], email: str, until: date, now: datetime) -> None:
    """Tell an address nothing of the accounts until the morning of a day, as its reader wants.

    What mutes the same already is replaced. Leaves one event on each account. Raises MuteRefusal for a day that is over or more than
    LONGEST days off.
    """
    _check(until, now)
    found = list(Account.objects.locked().filter(pk__in=[one.pk for one in accounts]))
    old = Mute.objects.running().of_every_macro().filter(account__in=found, email=email.lower())
    since = dict(old.values_list("account", "started_at"))  # what was kept back since then
    old.update(ended_at=now)
    Mute.objects.bulk_create(
        Mute(account=one, email=email.lower(), until=until, started_at=since.get(one.pk, now))
        for one in found
    )
    note = f"{email}: {until.isoformat()}"  # each reader has the day in their language
    note_events(found, AccountEvent.Kind.SNOOZED, cause="one", by=None, note=note, now=now)


@transaction.atomic
def mute_all(*, email: str, until: date, now: datetime, link_of: Message | None = None) -> Mute:
    """Tell an address nothing of any account until the morning of a day, also of those that come later, as its reader wants.

    What does so already is replaced. `link_of`: the mail whose link asks for it, which whoever it was forwarded to has as well: so the
    address hears of it by a mail that ends it at a press. In the history of the address, and of whoever logs in with it. Raises MuteRefusal
    for a day that is over or more than LONGEST days off, OnHold where that mail cannot be sent.
    """
    _check(until, now)
    email = email.lower()
    if link_of is not None:
        hold.refuse()
    locks.take(Lock.MUTES, email)
    person = User.objects.filter(email=email).select_for_update().first()
    before = Mute.objects.running().of_all_accounts().of_reader(email)
    since = before.values_list("started_at", flat=True).first() or now  # what was kept back since then
    before.update(ended_at=now)
    made = Mute.objects.create(
        account=None,
        email=email,
        until=until,
        message=link_of.pk if link_of else None,
        started_at=since,
    )
    _log(person, None, kept.keep(HISTORY, "snoozed_all", day=kept.day(until)))
    _note_of_address(made, now)
    if link_of is not None:
        tell_muted(made, answers=link_of, now=now)
    return made


@transaction.atomic
def leave_out(*, macro: Macro, account_ids: Collection[int], by: User | None, now: datetime) -> None:
    """Have a macro leave out these accounts (ids) and no others, until it is edited again. That is in the macro's history."""
    running = Mute.objects.left_out_accounts().filter(macro=macro)
    there = set(running.values_list("account_id", flat=True))
    running.exclude(account__in=account_ids).update(ended_at=now, look_at=now)
    Mute.objects.bulk_create(
        Mute(account_id=pk, macro=macro, by=by, started_at=now) for pk in sorted(set(account_ids) - there)
    )


@transaction.atomic
def end_mutes(*, mutes: QuerySet[Mute], by: User | None, now: datetime) -> int:
    """End these, in the history of each account, or of the address. Returns how many; 0 where somebody was faster.

    What lasts until a day, and what these kept from their readers, is the affair of a sweep, see `macros.at_once.services`.
    """
    found = list(mutes.filter(ended_at=None).select_for_update(of=("self",)).select_related("account"))
    Mute.objects.filter(pk__in=[one.pk for one in found]).update(ended_at=now, look_at=now)
    accounts = list({one.account.pk: one.account for one in found if one.account}.values())
    note_events(accounts, AccountEvent.Kind.UNSNOOZED, cause="", by=by, note="", now=now)
    of_all = [one.email for one in found if one.is_of_all]
    for person in User.objects.filter(email__in=of_all):
        _log(person, by, kept.keep(HISTORY, "mailed_again"))
    AddressEvent.objects.bulk_create(
        AddressEvent(kind=AddressEvent.Kind.RESUMED, email=email, by=by, at=now) for email in of_all
    )
    return len(found)


def end_all(*, email: str, by: User | None, now: datetime) -> bool:
    """End what mutes all accounts for an address. Returns False where nothing does."""
    return bool(end_mutes(mutes=Mute.objects.of_all_accounts().of_reader(email), by=by, now=now))


def move_to_address(new: str, *, old: str, now: datetime) -> None:
    """Have what mutes an address be of its person's new one, in the caller's transaction; what is so there already ends."""
    locks.take(Lock.MUTES, new)
    was_away = mute_of_person(new) is not None
    there = set(Mute.objects.running().of_reader(new).values_list("account_id", "macro_id"))
    for one in Mute.objects.running().of_reader(old).order_by("pk").select_for_update(of=("self",)):
        if (one.account_id, one.macro_id) not in there:
            Mute.objects.filter(pk=one.pk).update(email=new)
    forget_address(old, now=now)
    if not was_away and (away := mute_of_person(new)) is not None:
        _note_of_address(away, now)


def forget_address(email: str, *, now: datetime) -> None:
    """End what mutes an address that is nobody's any longer. What was kept from it is not looked at: nobody reads it."""
    Mute.objects.running().of_reader(email).update(ended_at=now)


def _note_of_address(made: Mute, now: datetime) -> None:
    """Write it into the history of the address."""
    block = "address_snoozed_by_link" if made.is_by_link else "address_snoozed"
    AddressEvent.objects.create(
        kind=AddressEvent.Kind.SNOOZED,
        email=made.email,
        said=kept.cut(kept.keep(HISTORY, block, day=kept.day(made.until)), 300) if made.until else "",
        message=made.message,
        at=now,
    )


def _log(person: User | None, by: User | None, text: str) -> None:
    """Write it into the history of a person, by whoever did it: the person, unless it was staff."""
    if person is not None:
        LogEntry.objects.log_actions((by or person).pk, [person], CHANGE, text, single_object=True)


def note_events(
    accounts: Iterable[Account],
    kind: str,
    *,
    cause: str,
    by: User | None,
    note: str,
    now: datetime,
    source: str | None = None,
) -> None:
    """Leave one event on each account. `source`: by whom it was said; None: by staff where it is `by` somebody, else by a mail."""
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account=one,
            kind=kind,
            cause=cause,
            source=source if source is not None else "staff" if by else "mail",
            actor=by,
            note=clean_line(note, 300),
            at=now,
        )
        for one in accounts
    )


def day_of(text: str) -> date:
    """Return the day that somebody entered. Raises MuteRefusal for none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MuteRefusal(_choose_a_day()) from None


def _check(until: date, now: datetime) -> None:
    if not first_day(now) <= until <= last_day(now):
        raise MuteRefusal(_choose_a_day())


def first_day(now: datetime) -> date:
    """Return the first day until whose morning one may mute: tomorrow in the project's time zone, wherever the reader is."""
    return proposed_day(now, days=1)


def last_day(now: datetime) -> date:
    """Return the last such day."""
    return proposed_day(now, days=LONGEST)


def proposed_day(now: datetime, *, days: int) -> date:
    """Return the day so many days ahead, in the same zone."""
    return local_day(now) + timedelta(days=days)


def _choose_a_day() -> str:
    return gettext("Choose a day from tomorrow on, %(days)s days ahead at most.") % {"days": LONGEST}
