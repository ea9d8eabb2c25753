"""Whether a notice still holds when its mail is made, which may be hours after the fact was found."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Greatest

from accounts.telling.notices import record_told
from macros import carried, concerned, delays, mails_sql
from macros.models import Evaluation, Notice
from notifications import kinds
from notifications.models import Message
from ui import kept
from ui.phrases import phrase
from users.models import RefusedAddress
from users.recipients import Via, operators

Outcome = Notice.Outcome
REFUSED = "address_refused"
_OF_THE_READER = (REFUSED, "other_team", "not_told_", "reader_")  # beginnings of codes
NO_TEAM = 0  # is the id of none


def notices_of(message: Message) -> QuerySet[Notice]:
    """Return what a message carries, without what was dropped before."""
    return all_notices_of(message).exclude(outcome=Outcome.DROPPED)


def all_notices_of(message: Message) -> QuerySet[Notice]:
    """Return all notices of a message: a person's of all teams, an address's of one, as all were before people got one mail."""
    notices = Notice.objects.filter(evaluation=message.payload["evaluation"], recipient=message.recipient)
    return notices if message.payload.get("teams") == "all" else notices.filter(team=message.team_id)


@dataclass
class StillWanted:
    """What a message still has to say: notices of the accounts that come first, how many accounts more, and what was dropped."""

    accounts: dict[int, list[int]] = field(default_factory=dict)  # account -> notices: ids, most urgent first
    further: int = 0  # accounts
    dropped: dict[str, list[int]] = field(default_factory=dict)  # code -> ids of notices
    names_reader: bool = (
        False  # something that holds or was dropped just now names them: they may stop such mails
    )


def still_wanted(messages: Sequence[Message], *, most: int, now: datetime) -> dict[int, StillWanted]:
    """Return what still holds of each message, by its id, with at `most` so many accounts of one; drops are recorded.

    One statement, however many messages, and however many accounts one is about: all but those few are only counted.
    """
    found = {message.pk: StillWanted() for message in messages}
    values: dict[str, Any] = {**_carried_by(messages), "operators": operators(), "most": most, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(mails_sql.STILL_WANTED, values)
        for message, notice, account, reason, accounts, may_stop in cursor:
            one = found[message]
            one.names_reader, one.further = may_stop, max(0, accounts - most)
            if reason:
                one.dropped.setdefault(reason, []).append(notice)
            else:
                one.accounts.setdefault(account, []).append(notice)
    _record_drops(found.values(), now)
    return found


def _record_drops(found: Iterable[StillWanted], now: datetime) -> None:
    drops: dict[str, list[int]] = defaultdict(list)
    for one in found:
        for reason, ids in one.dropped.items():
            drops[reason] += ids
    for reason, ids in drops.items():
        _drop(Notice.objects.filter(pk__in=ids), reason, now)


def _drop(notices: QuerySet[Notice], reason: str, now: datetime) -> None:
    """Note that these are not told. Where that is for their reader or their team, whoever is told instead is looked for: by the day's run
    once more, and of what is told at once by the sweep.
    """
    if reason.startswith(_OF_THE_READER) and notices.exists():
        last = Evaluation.objects.filter(trigger=Evaluation.Trigger.SCHEDULE).order_by("-on_date")[:1]
        Evaluation.objects.filter(pk__in=last.values("pk")).update(dropped_at=Greatest("dropped_at", now))
        at_once = notices.filter(threshold=0)  # of any run: what waited joins the newest
        delays.look_again_at_deactivated(list(at_once.values_list("account_id", flat=True)), now=now)
    notices.update(outcome=Outcome.DROPPED, outcome_reason=kinds.reason(reason))


def _carried_by(messages: Sequence[Message]) -> dict[str, list[Any]]:
    """Return the parameters that say which notices the messages carry: those of `all_notices_of`."""
    rows = [
        (
            message.pk,
            message.payload["evaluation"],
            message.recipient,
            None if message.payload.get("teams") == "all" else message.team_id or NO_TEAM,
        )
        for message in messages
    ]
    names = ("messages", "evaluations", "recipients", "teams")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def record_end(message: Message) -> None:
    """Write what became of a message's notices, in the transaction that records it."""
    outcomes = {
        Message.State.FAILED: Outcome.FAILED,
        # Cancelled by staff; what the builder dropped is marked already. It counts as told, or the next day would send it.
        Message.State.CANCELLED: Outcome.CANCELLED,
    }
    told = notices_of(message)
    if message.state == Message.State.SENT and message.sent_at is not None:
        record_all_sent([message], message.sent_at)
        return
    parked = RefusedAddress.objects.filter(email=message.recipient.lower()).first()
    if message.state == Message.State.FAILED and parked:
        # Not told, so whoever stands in is. Nobody does for an operator.
        _drop(told.exclude(via=Via.OPERATOR), REFUSED, parked.refused_at)
    told.update(outcome=outcomes[Message.State(message.state)], outcome_reason=kept.cut(message.error, 200))


def record_all_sent(messages: Sequence[Message], now: datetime) -> None:
    """Write that what messages carried was told, in the transaction that records them as sent."""
    by_id = {message.pk: message for message in messages}
    deactivated: dict[Message, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(mails_sql.MAILED, {**_carried_by(messages), "now": now})
        for message_id, account_id in cursor.fetchall():
            deactivated.setdefault(by_id[message_id], []).append(account_id)
    record_told(deactivated, now=now)


def join(newest: Message, older: Sequence[Message]) -> None:
    """Have a message carry what older ones to its reader do, in the caller's transaction."""
    carried.join(newest, older, key="evaluation", notices_of=notices_of)


def facts(message: Message) -> list[kinds.Fact]:
    """Return what the macros found for this message and what became of it, for the page "why this mail?"."""
    notices = all_notices_of(message).select_related("action__macro", "account")
    return carried.facts(notices.order_by("threshold", "deadline")[: carried.SHOWN], found)


def found(notice: Notice) -> str:
    """Return what a notice found, in words: "7 days in advance" or "deactivated"."""
    return phrase(kinds.FACTS, "found", days=notice.threshold)


def _still_told(notices: Sequence[Notice], readers: Collection[str]) -> set[int]:
    """Return the ids of the notices that an evaluation would still find for one of these addresses."""
    values: dict[str, Any] = {
        "notices": [notice.pk for notice in notices],
        "readers": list(readers),
        "operators": operators(),
    }
    with connection.cursor() as cursor:
        cursor.execute(mails_sql.STILL_TOLD, values)
        return {row[0] for row in cursor.fetchall()}


def unwanted(message: Message, reader: str, account_ids: Collection[int]) -> set[int]:
    """Return of which accounts, told as deactivated by this message, an address is no longer to be mailed: its recipient, or the new
    address of that person, who is told as long as a macro names either.

    Whoever stood in is told that it is over although somebody else can be told by now, unless it concerns them no longer.
    """
    notices = list(notices_of(message).filter(threshold=0, account__in=account_ids).select_related("action"))
    told = _still_told(notices, {reader, message.recipient})
    wanted = {
        notice.account_id
        for notice in notices
        if notice.action is not None and (notice.pk in told or notice.via != Via.DIRECT)
    }
    return set(account_ids) - concerned.of(reader, wanted)
