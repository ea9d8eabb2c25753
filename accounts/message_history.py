"""Who was told about an account: the messages that speak of it, whoever wrote them.

Messages of this app name the account, or a log-in that it has or had, in their payload. Apps above add theirs by `register_source`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, ExpressionWrapper, F, Q

from accounts.asks.models import Ask
from accounts.models import Account, AccountEvent
from notifications.models import Message

LOOKED_AT = 20  # the newest of what an account had: log-ins, links, ends, refusals
TOLD_WITHIN = timedelta(days=1)
TOOK_OUT = {AccountEvent.Kind.UNLINKED, AccountEvent.Kind.NOT_MINE}
EVENTS = 200  # the newest, in which log-ins are looked for that were in the pool


@dataclass(frozen=True)
class SentMessage:
    """One message about an account. `left_out` says why the account is not in it, although the message may have gone out.

    `said` is what it says of this account, where its subject may name another one.
    """

    message: Message
    said: str = ""
    left_out: str = ""


Source = Callable[[Account, int], list[SentMessage]]  # an account, and how many of the newest are asked for


def register_source(source: Source) -> None:
    """Add a source of messages about an account. Calling it again with the same one changes nothing."""
    if source not in SOURCES:
        SOURCES.append(source)


def messages_about(account: Account, *, limit: int) -> list[SentMessage]:
    """Return the newest messages about an account, newest first, without their bodies."""
    found = [told for source in SOURCES for told in source(account, limit)]
    found.sort(key=lambda told: (told.message.created_at, told.message.pk), reverse=True)
    return found[:limit]


def messages_naming(account: Account) -> Q:
    """Return what finds the messages whose payload names the account, a log-in that it has or had, or something about one of these.

    The index on the payload serves each part. Five small queries.
    """
    until = _log_ins(account)
    tokens = list(until)
    by_key: dict[str, Iterable[int]] = {"token": tokens}
    by_list = {
        "tokens": tokens,
        "fewer": [account.pk],  # of a team that no longer takes a log-in
        "asks": _links(account),
        "refused_writes": account.refused_writes.order_by("-pk").values_list("pk", flat=True)[:LOOKED_AT],
    }
    found = Q(payload__contains={"account": account.pk}) | Q(payload__contains={"accounts": [account.pk]})
    for key, ids in by_key.items():
        for pk in ids:
            found |= Q(payload__contains={key: pk}) & (_before(until[pk]) if key == "token" else Q())
    for key, ids in by_list.items():
        for pk in ids:
            found |= Q(payload__contains={key: [pk]}) & (_before(until[pk]) if key == "tokens" else Q())
    return found


def _before(until: datetime | None) -> Q:
    return Q() if until is None else Q(created_at__lt=until)


def _log_ins(account: Account) -> dict[int, datetime | None]:
    """Return the log-ins of the pool (None), and the last that were in it, with the time until which mails about them are the account's.

    That is a day after the event that took it out: a mail that tells of that is written afterwards. Without such an event: always (None).
    """
    found: dict[int, datetime | None] = dict.fromkeys(account.pool.values_list("token_id", flat=True))
    events = AccountEvent.objects.filter(account=account).exclude(token=None).order_by("-at", "-id")
    past: dict[int, datetime | None] = {}
    for pk, kind, at in events.values_list("token_id", "kind", "at")[:EVENTS]:
        if pk is not None and pk not in found:
            until = past.setdefault(pk, None)
            past[pk] = until or (at + TOLD_WITHIN if kind in TOOK_OUT else None)
    return found | dict(list(past.items())[:LOOKED_AT])


def _links(account: Account) -> list[int]:
    """Return what the account's team asks by to link it."""
    asked = {"lines__channel": account.channel, "lines__native_id": account.native_id}
    asks = Ask.objects.filter(team=account.team_id, **asked).order_by("-pk")
    return list(asks.values_list("pk", flat=True)[:LOOKED_AT])


def _by_payload(account: Account, limit: int) -> list[SentMessage]:
    """Find messages by their payload."""
    messages = Message.objects.filter(messages_naming(account)).select_related("team").defer("text", "html")
    # The database would go through all messages, newest first, until it has met enough of these. Sorted by what no index holds, it
    # looks for these and sorts them.
    at = ExpressionWrapper(F("created_at") + timedelta(0), output_field=DateTimeField())
    return [SentMessage(message) for message in messages.order_by(at.desc(), "-id")[:limit]]


SOURCES: list[Source] = [_by_payload]
