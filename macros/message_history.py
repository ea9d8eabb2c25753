"""The mails of macros about one account, found by their notices: the account's pages show them beside its other mails."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from accounts.message_history import SentMessage
from accounts.models import Account
from macros import news
from macros.models import MacroAction, NewsNotice, Notice
from macros.revalidation import found
from notifications.kinds import FACTS
from notifications.models import Message
from ui import kept
from ui.phrases import phrase

N = TypeVar("N", Notice, NewsNotice)

LOOKED_AT = 500  # notices of an action, for the newest mails of a macro
PER_MAIL = 5  # notices of one account that one mail carries, at most, in the usual case


def about(account: Account, limit: int) -> list[SentMessage]:
    """Return the newest mails that carry, or carried, a notice about the account."""
    notices = Notice.objects.filter(account=account).select_related("action__macro")
    newest = notices.order_by("-evaluation_id", "-id")[: limit * PER_MAIL]
    return _messages(newest, limit, keys=message_keys, what=found)


def about_at_once(account: Account, limit: int) -> list[SentMessage]:
    """Return the newest mails that tell, or told, at once that the account goes on."""
    notices = NewsNotice.objects.filter(account=account).select_related("action__macro")
    newest = notices.order_by("-evaluation_id", "-id")[: limit * PER_MAIL]
    return _messages(newest, limit, keys=news_keys, what=news.found)


def of_macro(macro_id: int) -> QuerySet[Message]:
    """Return the messages that carry, or carried, a notice of a macro. By their keys, which the index has."""
    keys = [
        _keys(prefix, told.objects.filter(action__macro=macro_id), *more)
        for prefix, told in (("macro", Notice), ("macro_news", NewsNotice))
        for more in ((), ("team_id",))
    ]
    return Message.objects.filter(dedupe_key__in=keys[0].union(*keys[1:]))


def newest_keys(macro_id: int, *, since: datetime) -> list[str]:
    """Return the keys of the messages of a macro's newest notices since then: of the last LOOKED_AT of each kind, which an index has."""
    found: dict[str, None] = {}
    for action in MacroAction.objects.filter(macro=macro_id).values_list("pk", flat=True):
        for warned in _newest(Notice.objects.all(), action, since):
            found.update(dict.fromkeys(message_keys(warned)))
        for told in _newest(NewsNotice.objects.all(), action, since):
            found.update(dict.fromkeys(news_keys(told)))
    return list(found)


def _newest(notices: QuerySet[N], action: int, since: datetime) -> QuerySet[N]:
    # Bounds, not equality: then only the index on action and id has the order.
    of_action = notices.filter(action_id__gte=action, action_id__lte=action, outcome="mailed")
    return of_action.filter(evaluation__started_at__gt=since).order_by("-action_id", "-pk")[:LOOKED_AT]


def _keys(prefix: str, notices: QuerySet[Any], *more: str) -> Any:
    parts = [Cast(name, CharField()) for name in ("evaluation_id", *more)]
    spelled = [each for part in parts for each in (Value(":"), part)]
    key = Concat(Value(prefix), *spelled, Value(":"), "recipient", output_field=CharField())
    return notices.order_by().annotate(key=key).values("key")


def _messages(
    notices: Iterable[N],
    limit: int,
    *,
    keys: Callable[[N], Sequence[str]],
    what: Callable[[N], str],
) -> list[SentMessage]:
    by_key: dict[str, list[N]] = defaultdict(list)
    for notice in notices:
        for key in keys(notice):
            by_key[key].append(notice)
    messages = Message.objects.filter(dedupe_key__in=list(by_key)).select_related("team")
    newest = messages.defer("text", "html").order_by("-created_at", "-id")[:limit]
    return [_sent(message, by_key[message.dedupe_key], what) for message in newest]


def message_keys(notice: Notice) -> tuple[str, str]:
    """Return the keys that the message of a notice may have: one per team, and one per person over all teams."""
    return (
        f"macro:{notice.evaluation_id}:{notice.team_id}:{notice.recipient}",
        f"macro:{notice.evaluation_id}:{notice.recipient}",
    )


def news_keys(notice: NewsNotice) -> tuple[str, str]:
    """Return the same of a notice of what is told at once."""
    return (
        f"macro_news:{notice.evaluation_id}:{notice.team_id}:{notice.recipient}",
        f"macro_news:{notice.evaluation_id}:{notice.recipient}",
    )


def _sent(message: Message, notices: list[N], what: Callable[[N], str]) -> SentMessage:
    said = dict.fromkeys(
        phrase(FACTS, "found_by", found=what(notice), macro=notice.macro_title) for notice in notices
    )
    return SentMessage(message, said=", ".join(said), left_out=_left_out(notices))


def _left_out(notices: Sequence[Notice | NewsNotice]) -> str:
    """Return why the account is not in the mail, where nothing about it is; else ""."""
    if any(notice.outcome != Notice.Outcome.DROPPED for notice in notices):
        return ""
    return kept.said(notices[0].outcome_reason)
