"""What a message of `macro_news` carries: which of it still holds when its mail is made, and what became of it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.telling.notices import end_told
from macros import carried, delays, news_sql
from macros.models import NewsNotice
from notifications import kinds
from notifications.models import Message
from ui import kept
from ui.phrases import phrase
from users import refused_addresses
from users.recipients import Via, operators

KIND = "macro_news"  # of the messages
REFUSED = "address_refused"
Outcome = NewsNotice.Outcome


def all_notices_of(message: Message) -> QuerySet[NewsNotice]:
    """Return all that a message carries or carried: a person's of all teams, an address's of one."""
    notices = NewsNotice.objects.filter(evaluation=message.payload["news"], recipient=message.recipient)
    return notices if message.payload.get("teams") == "all" else notices.filter(team=message.team_id)


def notices_of(message: Message) -> QuerySet[NewsNotice]:
    """Return what it carries, without what was dropped before."""
    return all_notices_of(message).exclude(outcome=Outcome.DROPPED)


def still_wanted(message: Message) -> tuple[list[NewsNotice], set[str]]:
    """Return what a message still has to say, and why the rest does not hold, as codes. Drops are recorded."""
    ids = list(notices_of(message).values_list("pk", flat=True))
    values: dict[str, Any] = {"notices": ids, "operators": operators()}
    found: dict[str, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(news_sql.STILL_WANTED, values)
        for pk, reason in cursor.fetchall():
            found[reason].append(pk)
    wanted = found.pop("", [])
    for reason, dropped in found.items():
        NewsNotice.objects.filter(pk__in=dropped).update(
            outcome=Outcome.DROPPED, outcome_reason=kinds.reason(reason)
        )
    kept = NewsNotice.objects.filter(pk__in=wanted).select_related("action__macro").order_by("pk")
    return list(kept), set(found)


def record_end(message: Message) -> None:
    """Write what became of a message's notices, in the transaction that records it."""
    told = notices_of(message)
    if message.state == Message.State.SENT and message.sent_at is not None:
        again = told.filter(kind=NewsNotice.Kind.RECOVERED).values_list("account_id", flat=True)
        end_told(recipient=message.recipient, account_ids=list(again), now=message.sent_at)
        told.update(outcome=Outcome.MAILED, outcome_reason="")
        return
    if message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient):
        untold = told.exclude(via=Via.OPERATOR)  # nobody stands in for an operator
        delays.look_again(list(untold.values_list("event", flat=True)), now=timezone.now())
        untold.update(outcome=Outcome.DROPPED, outcome_reason=kinds.reason(REFUSED))
    failed = message.state == Message.State.FAILED
    outcome = Outcome.FAILED if failed else Outcome.CANCELLED
    notices_of(message).update(outcome=outcome, outcome_reason=kept.cut(message.error, 200))


def join(newest: Message, older: Sequence[Message]) -> None:
    """Have a message carry what older ones to its reader do, in the caller's transaction."""
    carried.join(newest, older, key="news", notices_of=notices_of)


def facts(message: Message) -> list[kinds.Fact]:
    """Return what the macros found for this message and what became of it, for the page "why this mail?"."""
    notices = all_notices_of(message).select_related("action__macro", "account").order_by("pk")
    return carried.facts(notices[: carried.SHOWN], found)


def found(notice: NewsNotice) -> str:
    """Return what a notice found, in words: "another log-in took over"."""
    return phrase(kinds.FACTS, f"news_{notice.kind}")
