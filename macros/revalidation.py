"""Whether a notice still holds when its mail is made, which may be hours after the fact was found."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.telling.notices import record_told
from macros import sql
from macros.models import Notice, OptOut
from notifications import kinds
from notifications.models import Message
from ui.phrases import phrase
from users import refused_addresses
from users.recipients import Via, operators

Outcome = Notice.Outcome
SHOWN = 100  # facts on the page of one message
REFUSED = "address_refused"


def notices_of(message: Message) -> QuerySet[Notice]:
    """Return what a message carries, without what was dropped before."""
    return all_notices_of(message).exclude(outcome=Outcome.DROPPED)


def all_notices_of(message: Message) -> QuerySet[Notice]:
    """Return all notices of a message: a person's of all teams, an address's of one, as all were before people got one mail."""
    notices = Notice.objects.filter(evaluation=message.payload["evaluation"], recipient=message.recipient)
    return notices if message.payload.get("teams") == "all" else notices.filter(team=message.team_id)


@dataclass(frozen=True)
class StillWanted:
    """What a message still has to say: notices of the accounts that come first, how many accounts more, and why the others were dropped."""

    notices: list[Notice]
    beyond: int
    dropped: list[str]  # codes


def still_wanted(message: Message, *, most: int) -> StillWanted:
    """Return what still holds, with the notices of so many accounts at `most`, the most urgent; drops are recorded.

    However many accounts a message is about, all but those few are numbers here.
    """
    values = {
        "evaluation": message.payload["evaluation"],
        "recipient": message.recipient,
        "all_teams": message.payload.get("teams") == "all",
        "team": message.team_id,
        "operators": operators(),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.STILL_WANTED, values)
        rows = cursor.fetchall()
    dropped: dict[str, list[int]] = defaultdict(list)
    accounts: dict[int, list[int]] = {}
    for notice, account, reason in rows:
        (dropped[reason] if reason else accounts.setdefault(account, [])).append(notice)
    for reason, ids in dropped.items():
        Notice.objects.filter(pk__in=ids).update(outcome=Outcome.DROPPED, outcome_reason=kinds.reason(reason))
    wanted = [notice for ids in list(accounts.values())[:most] for notice in ids]
    return StillWanted(_loaded(wanted), max(0, len(accounts) - most), sorted(dropped))


def _loaded(ids: Sequence[int]) -> list[Notice]:
    """Load notices with what their lines need; mails have no use for credentials."""
    found = Notice.objects.filter(pk__in=ids).select_related("action__macro", "account", "token")
    return list(found.defer("token__credentials").order_by("pk")) if ids else []


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
