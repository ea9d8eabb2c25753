"""Whether a notice still holds when its mail is made, which may be hours after the fact was found."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Account, AccountToken
from accounts.telling.notices import record_told
from macros import sql
from macros.models import Macro, MacroAccount, Notice, OptOut
from notifications import kinds
from notifications.models import Message
from tokens.models import Token
from ui.phrases import phrase
from users import refused_addresses
from users.recipients import Via, operators

Outcome = Notice.Outcome
SHOWN = 100  # facts on the page of one message
STOPPED = "reader_stopped"
REFUSED = "address_refused"
NOT_TOLD_ANY_MORE = {
    Via.DIRECT: "not_told_direct",
    Via.TEAM_LEAD: "not_told_team_lead",
    Via.OPERATOR: "not_told_operator",
}


def notices_of(message: Message) -> QuerySet[Notice]:
    """Return what a message carries, without what was dropped before."""
    return all_notices_of(message).exclude(outcome=Outcome.DROPPED)


def all_notices_of(message: Message) -> QuerySet[Notice]:
    """Return all notices of a message: a person's of all teams, an address's of one, as all were before people got one mail."""
    notices = Notice.objects.filter(evaluation=message.payload["evaluation"], recipient=message.recipient)
    return notices if message.payload.get("teams") == "all" else notices.filter(team=message.team_id)


def still_wanted(message: Message) -> tuple[list[Notice], list[str]]:
    """Return the notices that still hold, and the codes of why the others were dropped; drops are recorded."""
    found = notices_of(message).select_related("action__macro", "account", "token")
    notices = list(found.defer("token__credentials"))  # a mail has no use for them
    applied = _applications(notices)
    linked = _pool_entries(notices)
    told, stopped = _still_told(notices), _stopped(message)
    kept: list[Notice] = []
    dropped: dict[str, list[int]] = defaultdict(list)
    for notice in notices:
        reason = _why_not(notice, applied=applied, linked=linked)
        if not reason and notice.pk not in told:
            by_reader = notice.action is not None and notice.action.macro_id in stopped
            reason = STOPPED if by_reader else NOT_TOLD_ANY_MORE[Via(notice.via)]
        if reason:
            dropped[reason].append(notice.pk)
        else:
            kept.append(notice)
    for reason, ids in dropped.items():
        Notice.objects.filter(pk__in=ids).update(outcome=Outcome.DROPPED, outcome_reason=kinds.reason(reason))
    return kept, sorted(dropped)


def record_end(message: Message) -> None:
    """Write what became of a message's notices, in the transaction that records it."""
    outcomes = {
        Message.State.SENT: Outcome.MAILED,
        Message.State.FAILED: Outcome.FAILED,
        # Cancelled by staff; what the builder dropped is marked already. It counts as told, or the next day would send it.
        Message.State.CANCELLED: Outcome.CANCELLED,
    }
    told = notices_of(message)
    if message.state == Message.State.SENT and message.sent_at is not None:
        deactivated = list(told.filter(threshold=0).values_list("account_id", flat=True))
        record_told(message=message, account_ids=deactivated, now=message.sent_at)
    if message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient):
        # Not told, so the next evaluation tells whoever stands in. Nobody does for an operator.
        told.exclude(via=Via.OPERATOR).update(outcome=Outcome.DROPPED, outcome_reason=kinds.reason(REFUSED))
    told.update(outcome=outcomes[Message.State(message.state)], outcome_reason=message.error[:200])


def facts(message: Message) -> list[kinds.Fact]:
    """Return what the macros found for this message and what became of it, for the page "why this mail?"."""
    notices = all_notices_of(message).select_related("action__macro", "account")
    return [
        kinds.Fact(
            what=phrase(
                kinds.FACTS,
                "notice",
                macro=notice.macro_title,
                account=str(notice.account),
                channel=notice.account.get_channel_display(),
                found=found(notice),
            ),
            outcome=notice.get_outcome_display(),
            reason=notice.outcome_reason,
        )
        for notice in notices.order_by("threshold", "deadline")[:SHOWN]
    ]


def found(notice: Notice) -> str:
    """Return what a notice found, in words: "7 days in advance" or "deactivated"."""
    return phrase(kinds.FACTS, "found", days=notice.threshold)


def _why_not(notice: Notice, *, applied: set[tuple[int, int]], linked: set[tuple[int, int | None]]) -> str:
    """Return why what a notice says no longer holds, as a code, or ""; whoever it is for."""
    action, account = notice.action, notice.account
    if action is None:
        return "macro_deleted"
    if not action.macro.enabled:
        return "macro_off"
    if action.macro.team_id not in {None, account.team_id}:
        return "other_team"
    if not _applies(action.macro, account, applied):
        return "not_applied"
    if account.paused_at is not None or account.state == Account.State.PAUSED:
        return "paused"
    if notice.threshold == 0:
        deactivated = account.state == Account.State.DEACTIVATED and account.cycle == notice.cycle
        return "" if deactivated else "works_again"
    return _moved_on(notice, linked)


def _moved_on(notice: Notice, linked: set[tuple[int, int | None]]) -> str:
    account, token = notice.account, notice.token
    if token is None:
        return "" if account.cycle == notice.cycle else "deadline_moved"
    if token.state == Token.State.DEAD or (account.pk, token.pk) not in linked:
        return "log_in_ended"
    return "" if token.cycle == notice.cycle else "log_in_deadline_moved"


def _applies(macro: Macro, account: Account, applied: set[tuple[int, int]]) -> bool:
    if macro.team_id not in {None, account.team_id}:
        return False
    if macro.scope == Macro.AppliesTo.CHOSEN:
        return (macro.pk, account.pk) in applied
    return macro.scope == Macro.AppliesTo.ALL or account.channel in macro.channels


def _applications(notices: Sequence[Notice]) -> set[tuple[int, int]]:
    pairs = MacroAccount.objects.filter(
        macro__in={notice.action.macro_id for notice in notices if notice.action},
        account__in={notice.account_id for notice in notices},
    )
    return set(pairs.values_list("macro_id", "account_id"))


def _still_told(notices: Sequence[Notice]) -> set[int]:
    """Return the ids of the notices that an evaluation would still find for their recipient."""
    values: dict[str, Any] = {"notices": [notice.pk for notice in notices], "operators": operators()}
    with connection.cursor() as cursor:
        cursor.execute(sql.STILL_TOLD, values)
        return {row[0] for row in cursor.fetchall()}


def unwanted(message: Message, account_ids: Collection[int]) -> set[int]:
    """Return of which accounts, told as deactivated by this message, its recipient is no longer to be mailed.

    Whoever stood in is told that it is over although somebody else can be told by now.
    """
    notices = list(notices_of(message).filter(threshold=0, account__in=account_ids).select_related("action"))
    told, stopped = _still_told(notices), _stopped(message)
    wanted = {
        notice.account_id
        for notice in notices
        if notice.action is not None
        and notice.action.macro_id not in stopped
        and (notice.pk in told or notice.via != Via.DIRECT)
    }
    return set(account_ids) - wanted


def _stopped(message: Message) -> set[int]:
    """Return the macros whose mails the reader has stopped."""
    rows = OptOut.objects.filter(email=message.recipient, ended_at=None)
    return set(rows.values_list("macro_id", flat=True))


def _pool_entries(notices: Sequence[Notice]) -> set[tuple[int, int | None]]:
    tokens = {notice.token_id for notice in notices if notice.token_id}
    entries = AccountToken.objects.filter(token__in=tokens, access=AccountToken.Access.OK)
    return set(entries.values_list("account_id", "token_id"))
