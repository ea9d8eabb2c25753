"""Telling at once: what happened since the last time becomes one message for each reader.

Whoever writes of an account what somebody may have to be told leaves an `AccountNews` in the same transaction. A sweep takes these rows
when the oldest has waited for `GATHER`, so that what one cause does to many accounts is complete. Rows are taken, and what is told is
written, in one transaction: nothing is told twice, and nothing is lost.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import AccountEvent, AccountNews
from accounts.pool.services import note_news
from infra import locks
from infra.locks import Lock
from macros.at_once.rules import Event, Found, find_due
from macros.mutes.models import Mute
from macros.notices.models import NEWS, WARNING, Notice, Told
from macros.notices.queries import SLICE, read_facts
from notifications.models import Message
from notifications.outbox import deliver_soon
from ui.dates import last_morning
from users.models import User
from users.people.queries import who_log_in
from users.signals import address_changed

BATCH = 2_000  # rows of one statement
GATHER = timedelta(seconds=30)
# What goes on happening comes in few mails: after so many within `LATELY` the next leaves as many minutes after the last.
LATELY, PAUSE, MOST_PAUSES = timedelta(minutes=15), timedelta(minutes=1), 10
QUIET = {
    Told.Kind.RECOVERED,
    Told.Kind.SHIFTED,
    Told.Kind.FEW_PEOPLE,
}  # nobody need act: by a macro, told with the next mail
LATEST = timedelta(days=2)  # or after so long by a mail of its own
EVENING = time(18)  # in the project's time zone: when it is told what went on and off
MAIL_WAITS = timedelta(days=1)  # so long before a mute began a mail may be that it kept back
Key = tuple[str, int | None]  # a reader, and of an address outside the team (id) that a mail is about


@transaction.atomic
def tell_news(now: datetime) -> int:
    """Write the messages about what happened since the last time. Returns how many. Cheap where nothing did: two small queries."""
    if not locks.take_if_free(Lock.TELLING):
        return 0
    look_at_ended_mutes(now)
    since = _take(now)
    found = Found()
    ids = sorted(since)
    for place in range(0, len(ids), SLICE):
        some = find_due(read_facts({pk: since[pk] for pk in ids[place : place + SLICE]}), now)
        found.due += some.due
        found.again |= some.again
        found.over += some.over
    AccountNews.objects.bulk_create(
        AccountNews(account_id=pk, at=since[pk], due_at=at - GATHER) for pk, at in found.again.items()
    )
    _close(found.over, now)
    if found.due:
        deliver_soon()
    messages = Messages(now, {one.recipient for one in found.due})
    write_told(found.due, messages)
    return messages.written


def _take(now: datetime) -> dict[int, datetime]:
    """Take what is due, all of it once the oldest has waited. Returns accounts (ids), and since when something happened to each."""
    if not AccountNews.objects.filter(due_at__lte=now - GATHER).exists():
        return {}
    with connection.cursor() as cursor:
        cursor.execute("delete from accounts_accountnews where due_at <= %s returning account_id, at", [now])
        rows = cursor.fetchall()
    found: dict[int, datetime] = {}
    for account, at in rows:
        found[account] = min(at, found.get(account, at))
    return found


def _close(over: Iterable[tuple[int, str]], now: datetime) -> None:
    """Note that readers need not hear that something is over."""
    by_reader: dict[str, list[int]] = defaultdict(list)
    for account, recipient in over:
        by_reader[recipient].append(account)
    for recipient, accounts in by_reader.items():
        Told.objects.open().filter(recipient=recipient, account__in=accounts).update(over_at=now)


class Messages:
    """The messages that carry what is found, written as their rows need them, or the ones that still wait for the same readers.

    A person's is about all teams, that to an address outside about one: a client's, who may not read of others. What macros warn of leaves
    now. What nobody need act on waits to be told by the next mail to its reader.
    """

    def __init__(self, now: datetime, readers: Collection[str] | None = None) -> None:
        """`readers`: the addresses of all of them, where these are known; None: anybody's."""
        self.now, self._readers = now, readers
        self.by_reader: dict[Key, Message] = {}
        self.written = 0  # how many of these are new

    @cached_property
    def _waiting(self) -> dict[Key, Message]:
        """Locked all at once, in one order: two who write do not wait for each other in a circle."""
        return waiting_mails(self.now, self._readers)

    def carry(self, rows: Sequence[Notice | Told]) -> None:
        """Give rows their messages.

        The team of a mail decides which staff may read it, so one that names accounts of several teams has none.
        """
        addresses = {one.recipient for one in rows}
        people = who_log_in(addresses)
        groups: dict[Key, list[Notice | Told]] = defaultdict(list)
        for one in rows:
            groups[one.recipient, None if one.recipient in people else one.team_id].append(one)
        lately = _lately(addresses, self.now)
        new = list[Message]()
        for key, some in groups.items():
            teams = {one.team_id for one in some}
            leaves = min(_leaves(one, lately.get(key, ()), self.now) for one in some)
            message = self.by_reader.get(key) or self._waiting.get(key)
            if message is None:
                message = _message(WARNING if isinstance(some[0], Notice) else NEWS, key, leaves, self.now)
                message.team_id = next(iter(teams)) if len(teams) == 1 else None
                new.append(message)
            else:
                _join(message, teams, leaves)
            self.by_reader[key] = message
            for one in some:
                one.message = message
        Message.objects.bulk_create(new, batch_size=BATCH)
        self.written += len(new)


def write_told(due: Sequence[Told], messages: Messages) -> None:
    """Write what is due, and the messages that carry what of it waits to be told."""
    messages.carry([one for one in due if one.waits])
    Told.objects.bulk_create(due, batch_size=BATCH, ignore_conflicts=True)


def _leaves(one: Notice | Told, lately: Sequence[datetime], now: datetime) -> datetime:
    """Return when something is told at the latest: now, but in few mails; in the evening what goes on and off; what nobody need act on, by
    the next mail.
    """
    if isinstance(one, Notice):
        return now
    if one.kind == Told.Kind.UNSTEADY:
        return evening(now)
    if one.kind in QUIET and one.action_id is not None:
        return now + LATEST
    return max(now, max(lately) + PAUSE * min(len(lately), MOST_PAUSES)) if lately else now


def _join(message: Message, teams: Collection[int | None], leaves: datetime) -> None:
    """Have a message that waits, and is locked, tell something of these teams (ids), too, and leave by then."""
    earlier = message.next_attempt_at > leaves
    mixed = message.team_id is not None and set(teams) != {message.team_id}
    if earlier:
        message.next_attempt_at = message.queued_at = leaves
    if mixed:
        message.team = None
    if earlier or mixed:
        message.save(update_fields=["next_attempt_at", "queued_at", "team"])


def _message(kind: str, key: Key, leaves: datetime, now: datetime) -> Message:
    recipient, team = key
    return Message(
        kind=kind,
        recipient=recipient,
        dedupe_key=f"{kind}:{uuid.uuid4().hex}",
        payload={"teams": "all"} if team is None else {},
        next_attempt_at=leaves,
        created_at=now,
        queued_at=leaves,
    )


def waiting_mails(now: datetime, readers: Collection[str] | None) -> dict[Key, Message]:
    """Return the messages to these readers (None: to any) that wait, locked: no worker takes them before the caller's transaction ends."""
    rows = Message.objects.filter(kind=NEWS, state=Message.State.QUEUED, attempts=0, next_attempt_at__gt=now)
    if readers is not None:
        rows = rows.filter(recipient__in=readers)
    return {_key(one): one for one in rows.select_for_update(of=("self",)).order_by("pk")}


def _key(message: Message) -> Key:
    return message.recipient, None if message.payload.get("teams") == "all" else message.team_id


def _lately(addresses: Collection[str], now: datetime) -> dict[Key, list[datetime]]:
    """Return when the mails of the last minutes left, or are to, by reader."""
    rows = Message.objects.not_lost().filter(
        kind=NEWS,
        recipient__in=addresses,
        next_attempt_at__gt=now - LATELY,
        next_attempt_at__lte=now + LATELY,
    )
    found: dict[Key, list[datetime]] = defaultdict(list)
    for one in rows.defer("text", "html"):
        found[_key(one)].append(one.sent_at or one.next_attempt_at)
    return found


def evening(now: datetime) -> datetime:
    """Return when it is told what goes on and off: this evening, or after six at once, since it is said of today."""
    local = timezone.localtime(now, timezone.get_default_timezone())
    return max(now, local.replace(hour=EVENING.hour, minute=EVENING.minute, second=0, microsecond=0))


# --- looking again


def look_at_ended_mutes(now: datetime) -> None:
    """End what mutes until this morning; have looked at what ended mutes kept from their readers, in the caller's transaction."""
    due = Mute.objects.filter(Q(look_at__lte=now) | Q(ended_at=None, until__lte=last_morning(now)))
    if ended := list(due.order_by("pk").select_for_update(of=("self",))):
        pks = [one.pk for one in ended]
        Mute.objects.filter(pk__in=pks).update(look_at=None, ended_at=Coalesce("ended_at", now))
    for one in ended:
        since = one.started_at - MAIL_WAITS
        note_news(_stopped_accounts(since) if one.account_id is None else [one.account_id], since)


def _stopped_accounts(since: datetime) -> set[int]:
    """Return the accounts (ids) to which something happened since a moment that their people are told."""
    kinds = [Event.DEACTIVATED, Event.INTERRUPTED, Event.RESTRICTED, Event.ACCESS]
    events = AccountEvent.objects.filter(kind__in=kinds, at__gte=since)
    return set(events.order_by().values_list("account", flat=True))


# --- another address


def take_along(*, user: User, old: str, now: datetime, **_kwargs: Any) -> None:
    """Have what a person was told, and is not over, be of their new e-mail address, too, in the transaction that changes it.

    The old one hears that it is over where an account still concerns it: a macro may name it. What waits is written for the new one, too:
    each mail asks when it is made which of the two is told. Some of it waits for days, and too few people would not be found anew.
    """
    rows = list(Told.objects.open().filter(recipient=old))
    for one in rows:
        one.pk, one.recipient = None, user.email
    Told.objects.bulk_create(rows, ignore_conflicts=True)
    going = (Message.State.QUEUED, Message.State.SENDING)
    due = list(Told.objects.filter(recipient=old, outcome=Told.Outcome.WAITING, message__state__in=going))
    for one in due:
        one.pk, one.recipient = None, user.email
    write_told(due, Messages(now, [user.email]))


def register() -> None:
    """Have what was told go along to a new address."""
    address_changed.connect(take_along, sender=User, dispatch_uid="macros.at_once")
