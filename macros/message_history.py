"""The mails of macros about one account, found by their notices: the account's pages show them beside its other mails."""

from collections import defaultdict

from accounts.message_history import SentMessage
from accounts.models import Account
from macros.models import Notice
from macros.revalidation import found
from notifications.kinds import FACTS
from notifications.models import Message
from ui.phrases import phrase

PER_MAIL = 5  # notices of one account that one mail carries, at most, in the usual case


def about(account: Account, limit: int) -> list[SentMessage]:
    """Return the newest mails that carry, or carried, a notice about the account."""
    notices = Notice.objects.filter(account=account).select_related("action__macro")
    notices = notices.order_by("-evaluation_id", "-id")
    by_key: dict[str, list[Notice]] = defaultdict(list)
    for notice in notices[: limit * PER_MAIL]:
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


def _left_out(notices: list[Notice]) -> str:
    """Return why the account is not in the mail, where nothing about it is; else ""."""
    if any(notice.outcome != Notice.Outcome.DROPPED for notice in notices):
        return ""
    return notices[0].outcome_reason
