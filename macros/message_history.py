"""The mails of macros about one account, found by their notices: the account's pages show them beside its other mails."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat, Greatest

from accounts.message_history import SentMessage
from accounts.models import Account
from macros.at_once.mails import found as found_at_once
from macros.at_once.services import KIND
from macros.models import MacroAction, Notice, Told
from macros.revalidation import found
from notifications.kinds import FACTS
from notifications.models import Message
from ui import kept
from ui.phrases import phrase

LOOKED_AT = 500  # notices of an action, for the newest mails of a macro
PER_MAIL = 5  # notices of one account that one mail carries, at most, in the usual case


def about(account: Account, limit: int) -> list[SentMessage]:
    """Return the newest mails that carry, or carried, a notice about the account."""
    notices = Notice.objects.filter(account=account).select_related("action__macro")
    newest = notices.order_by("-evaluation_id", "-id")[: limit * PER_MAIL]
    return _messages(newest, limit)


def about_at_once(account: Account, limit: int) -> list[SentMessage]:
    """Return the newest mails that tell, or told, at once what happened to the account."""
    rows = Told.objects.filter(account=account, message__kind=KIND).select_related("action__macro")
    by_message: dict[int, list[Told]] = defaultdict(list)
    for one in rows.order_by("-message_id", "-id")[: limit * PER_MAIL]:
        by_message[one.message_id].append(one)
    messages = Message.objects.filter(pk__in=by_message).select_related("team").defer("text", "html")
    return [
        SentMessage(
            message,
            said=", ".join(dict.fromkeys(found_at_once(one) for one in by_message[message.pk])),
            left_out=_left_out(by_message[message.pk]),
        )
        for message in messages.order_by("-created_at", "-id")[:limit]
    ]


def told_by(macro_id: int) -> Q:
    """Return the condition of notices of a macro, those of what an edit took out of it included. By ids, which indexes have."""
    actions = list(MacroAction.objects.filter(macro=macro_id).values_list("pk", flat=True))
    return Q(action__in=actions) | Q(was_of=macro_id)


def of_macro(macro_id: int) -> QuerySet[Message]:
    """Return the messages that carry, or carried, a notice of a macro. By their keys, which the index has."""
    mine = told_by(macro_id)
    keys = _keys(Notice.objects.filter(mine)).union(_keys(Notice.objects.filter(mine), "team_id"))
    at_once = Told.objects.filter(mine).order_by().values("message")
    return Message.objects.filter(Q(dedupe_key__in=keys) | Q(pk__in=at_once))


def last_before_an_edit() -> Greatest:
    """Return, for a query of macros, when the last was mailed of what an edit took out of each; null where nothing was."""
    mine = {"was_of__gte": OuterRef("pk"), "was_of__lte": OuterRef("pk"), "outcome": Notice.Outcome.MAILED}
    warned = Notice.objects.filter(**mine).order_by("-was_of", "-pk").values("evaluation__started_at")
    told = Told.objects.filter(**mine).order_by("-was_of", "-pk").values("at")
    return Greatest(Subquery(warned[:1]), Subquery(told[:1]))  # PostgreSQL's leaves out what is null


def newest_keys(macro_id: int, *, since: datetime) -> list[str]:
    """Return the keys of the messages of a macro's newest notices since then: of the last LOOKED_AT of each kind, which an index has."""
    found: dict[str, None] = {}
    actions = MacroAction.objects.filter(macro=macro_id).values_list("pk", flat=True)
    for column, pk in [*(("action_id", action) for action in actions), ("was_of", macro_id)]:
        # Bounds, not equality: then only the index on this column and id has the order.
        mine = {f"{column}__gte": pk, f"{column}__lte": pk, "outcome": "mailed"}
        warned = Notice.objects.filter(**mine, evaluation__started_at__gt=since)
        for notice in warned.order_by(f"-{column}", "-pk")[:LOOKED_AT]:
            found.update(dict.fromkeys(message_keys(notice)))
        told = Told.objects.filter(**mine, message__created_at__gt=since).order_by(f"-{column}", "-pk")
        found.update(dict.fromkeys(told.values_list("message__dedupe_key", flat=True)[:LOOKED_AT]))
    return list(found)


def _keys(notices: QuerySet[Any], *more: str) -> Any:
    parts = [Cast(name, CharField()) for name in ("evaluation_id", *more)]
    spelled = [each for part in parts for each in (Value(":"), part)]
    key = Concat(Value("macro"), *spelled, Value(":"), "recipient", output_field=CharField())
    return notices.order_by().annotate(key=key).values("key")


def _messages(notices: Iterable[Notice], limit: int) -> list[SentMessage]:
    by_key: dict[str, list[Notice]] = defaultdict(list)
    for notice in notices:
        for key in message_keys(notice):
            by_key[key].append(notice)
    messages = Message.objects.filter(dedupe_key__in=list(by_key)).select_related("team")
    newest = messages.defer("text", "html").order_by("-created_at", "-id")[:limit]
    return [_sent(message, by_key[message.dedupe_key]) for message in newest]


def message_keys(notice: Notice) -> tuple[str, str]:
    """Return the keys that the message of a notice may have: one per team, and one per person over all teams."""
    return (
        f"macro:{notice.evaluation_id}:{notice.team_id}:{notice.recipient}",
        f"macro:{notice.evaluation_id}:{notice.recipient}",
    )


def _sent(message: Message, notices: list[Notice]) -> SentMessage:
    said = dict.fromkeys(
        phrase(FACTS, "found_by", found=found(notice), macro=notice.macro_title) for notice in notices
    )
    return SentMessage(message, said=", ".join(said), left_out=_left_out(notices))


def _left_out(notices: Sequence[Notice | Told]) -> str:
    """Return why the account is not in the mail, where nothing about it is; else ""."""
    if any(notice.outcome != Notice.Outcome.DROPPED for notice in notices):
        return ""
    return kept.said(notices[0].outcome_reason)
