"""Who was told about an account: the messages that speak of it, whoever wrote them.

Messages of this app name the account or a log-in of its pool in their payload. Apps above add theirs by `register`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper, F, Q

from accounts.models import Account
from notifications.models import Message


@dataclass(frozen=True)
class SentMessage:
    """One message about an account. `left_out` says why the account is not in it, although the message may have gone out.

    `said` is what it says of this account, where its subject may name another one.
    """

    message: Message
    said: str = ""
    left_out: str = ""


Source = Callable[[Account, int], list[SentMessage]]  # an account, and how many of the newest are asked for


def register(source: Source) -> None:
    """Add a source of messages about an account. Calling it again with the same one changes nothing."""
    if source not in SOURCES:
        SOURCES.append(source)


def about(account: Account, *, limit: int) -> list[SentMessage]:
    """Return the newest messages about an account, newest first, without their bodies."""
    found = [told for source in SOURCES for told in source(account, limit)]
    found.sort(key=lambda told: (told.message.created_at, told.message.pk), reverse=True)
    return found[:limit]


def _by_payload(account: Account, limit: int) -> list[SentMessage]:
    """Find messages whose payload names the account or one of its log-ins. The index on the payload serves each part."""
    named = Q(payload__contains={"account": account.pk}) | Q(payload__contains={"accounts": [account.pk]})
    for token in account.pool.values_list("token_id", flat=True):
        named |= Q(payload__contains={"token": token}) | Q(payload__contains={"tokens": [token]})
    messages = Message.objects.filter(named).select_related("team").defer("text", "html")
    # The database would go through all messages, newest first, until it has met enough of these. Sorted by what no index holds, it
    # looks for these and sorts them.
    at = ExpressionWrapper(F("created_at") + timedelta(0), output_field=DateTimeField())
    return [SentMessage(message) for message in messages.order_by(at.desc(), "-id")[:limit]]


SOURCES: list[Source] = [_by_payload]
