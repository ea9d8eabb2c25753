"""The mails of macros about one account, found by their notices: the account's pages show them beside its other mails.

What was told outlives its macro, whichever way that is deleted, also with its team.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest
from django.db.models.signals import pre_delete

from accounts import message_history
from accounts.models import Account
from macros.notices.models import NEWS, WARNING, Notice, Told
from macros.rules.models import Macro, MacroAction
from notifications.models import Message
from notifications.outbox import FACTS, Fact
from ui import stored_phrases as kept
from ui.phrases import phrase
from ui.text import join_all, join_names

SHOWN = 100  # lines on the page of one message
TOLD_BY_WARNING = Q(
    message__kind=WARNING, kind=Told.Kind.DEACTIVATED
)  # the mark that a notice told it, which is shown itself
PER_MAIL = 5  # notices of one account that one mail carries, at most, in the usual case


def mails_about(account: Account, limit: int) -> list[message_history.SentMessage]:
    """Return the newest mails that carry, or carried, a notice about the account, or tell at once what happened to it."""
    by_message: dict[int, list[Notice | Told]] = defaultdict(list)
    warned = Notice.objects.filter(account=account, message__isnull=False)
    at_once = Told.objects.exclude(TOLD_BY_WARNING).filter(account=account, message__kind__in=[NEWS, WARNING])
    for rows in (warned, at_once):
        newest = rows.select_related("action__macro").order_by("-message_id", "-id")
        for one in newest[: limit * PER_MAIL]:
            by_message[one.message_id or 0].append(one)
    messages = Message.objects.filter(pk__in=by_message).select_related("team").defer("text", "html")
    return [
        message_history.SentMessage(
            message,
            said=", ".join(dict.fromkeys(one.found_by for one in by_message[message.pk])),
            left_out=_left_out(by_message[message.pk]),
        )
        for message in messages.order_by("-created_at", "-id")[:limit]
    ]


def facts_of(message: Message) -> list[Fact]:
    """Return what a message carries and what became of it, for the page "why this mail?": a line a macro, with all accounts of it."""
    warned = message.notices.order_by("threshold", "deadline").select_related("action__macro", "account")
    told = message.told.exclude(TOLD_BY_WARNING).order_by("pk").select_related("action__macro", "account")
    found: dict[tuple[str, str, str], list[Notice | Told]] = defaultdict(list)
    for one in [*warned[:SHOWN], *told[:SHOWN]][:SHOWN]:
        found[one.macro_title, one.get_outcome_display(), kept.said(one.outcome_reason)].append(one)
    return [
        Fact(_said(macro, together), outcome, reason) for (macro, outcome, reason), together in found.items()
    ]


def _said(macro: str, together: Sequence[Notice | Told]) -> str:
    facts = {
        "accounts": join_names(list(dict.fromkeys(str(one.account) for one in together))),
        "found": join_all(list(dict.fromkeys(one.found for one in together))),
    }
    return phrase(FACTS, "notice" if macro else "told_by_rule", macro=macro, **facts)


def told_by(macro_id: int) -> Q:
    """Return the condition of notices of a macro, those of what an edit took out of it included. By ids, which indexes have."""
    actions = list(MacroAction.objects.filter(macro=macro_id).values_list("pk", flat=True))
    return Q(action__in=actions) | Q(was_of=macro_id)


def mails_of_macro(macro_id: int) -> QuerySet[Message]:
    """Return the messages that carry, or carried, something of a macro."""
    mine = told_by(macro_id)
    warned, told = (some.objects.filter(mine).order_by().values("message") for some in (Notice, Told))
    return Message.objects.filter(Q(pk__in=warned) | Q(pk__in=told))


def last_before_an_edit() -> Greatest:
    """Return, for a query of macros, when the last was mailed of what an edit took out of each; null where nothing was."""
    mine = {"was_of__gte": OuterRef("pk"), "was_of__lte": OuterRef("pk"), "outcome": Notice.Outcome.MAILED}
    warned = Notice.objects.filter(**mine).order_by("-was_of", "-pk").values("evaluation__started_at")
    told = Told.objects.filter(**mine).order_by("-was_of", "-pk").values("at")
    return Greatest(Subquery(warned[:1]), Subquery(told[:1]))  # PostgreSQL's leaves out what is null


def _left_out(notices: Sequence[Notice | Told]) -> str:
    """Return why the account is not in the mail, where nothing about it is; else ""."""
    if any(not notice.is_dropped for notice in notices):
        return ""
    return kept.said(notices[0].outcome_reason)


def keep_name(*, instance: MacroAction, origin: Any = None, **_kwargs: Any) -> None:
    """Write onto the notices of an action that is deleted the macro's name, and its id where it stays."""
    alone = getattr(origin, "model", type(origin)) is MacroAction
    for told in (Notice, Told):
        told.objects.filter(action=instance).update(
            macro_name=instance.macro.name, was_of=instance.macro_id if alone else None
        )


def forget_macro(*, instance: Macro, **_kwargs: Any) -> None:
    """Take the id of a macro that is about to be deleted from what it told before an edit."""
    for told in (Notice, Told):
        told.objects.filter(was_of=instance.pk).update(was_of=None)


def register() -> None:
    """Show the mails on the account's pages, and keep what was told."""
    message_history.register_source(mails_about)
    pre_delete.connect(keep_name, sender=MacroAction, dispatch_uid="macros.keep_name")
    pre_delete.connect(forget_macro, sender=Macro, dispatch_uid="macros.forget_macro")
