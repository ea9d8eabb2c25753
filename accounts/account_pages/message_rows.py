"""Who was told about an account, as one member of staff may know it: for its time-line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from accounts import message_history
from accounts.models import Account
from accounts.timeline import SHOWN, HistoryLine, Timeline, say
from notifications.models import Message, MessageQuerySet
from notifications.outbox import name_of_kind
from ui import stored_phrases as kept
from ui.name_visibility import NameVisibility, unnamed
from ui.phrases import phrase
from ui.text import quoted, short_count
from users.models import User


@dataclass(frozen=True)
class MessageRow:
    """One message. `why` says why it was not sent, waits, or left the account out; `url` is "" where it is not the reader's to open."""

    message: Message
    at: datetime
    who: str
    subject: str
    said: str
    left_out: bool
    why: str
    url: str


@dataclass(frozen=True)
class MailLine(HistoryLine):
    """A mail as an entry of the time-line."""

    readers: Sequence[MessageRow] = ()  # of a mail to several


READERS = 5  # mails that are read for each line: one line is a mail to all its readers
DUE, FAILED, KEPT_BACK = "due", "failed", "kept_back"  # in the address of the list
WAITS_AT_MOST = timedelta(minutes=5)  # for which a mail that is due may wait
COUNTED = 10_000  # messages, at the head of the list


def mails_of_sending(value: str, messages: MessageQuerySet, now: datetime) -> MessageQuerySet:
    """Keep what a value of the list's address names."""
    if value == KEPT_BACK:
        return messages.filter(pk__in=Message.objects.kept_back().values("pk"))
    return messages.due(now) if value == DUE else messages.failed_lately(now)


def waiting_mails(now: datetime, viewer: User) -> dict[str, Any] | None:
    """Return how many mails are due, since when the oldest waits, whether that is late, and how many of them our own mail server did not
    take, with what it said of one that the viewer may know; None where none is due. By indexes.
    """
    queued = Message.objects.filter(state=Message.State.QUEUED)
    oldest = queued.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    refused = Message.objects.kept_back()
    refused_since = refused.order_by("waits_since").values_list("waits_since", flat=True).first()
    began = [oldest.values_list("next_attempt_at", flat=True).first(), refused_since]
    since = min((at for at in began if at is not None), default=None)
    if since is None:
        return None
    return {
        "kept_back": short_count(refused, limit=COUNTED) if refused_since else "",
        "said": _said_of_one(viewer),
        "number": short_count(
            queued.filter(Q(next_attempt_at__lte=now) | Q(waits_since__isnull=False)), limit=COUNTED
        ),
        "since": since,
        "late": now - since > WAITS_AT_MOST,
    }


def _said_of_one(viewer: User) -> str:
    """Return what kept the mail from leaving that waits for longest because of our own mail server; "" where none does."""
    refused = Message.objects.kept_back().visible_to(viewer).exclude(error="").order_by("waits_since")
    return kept.said(refused.values_list("error", flat=True).first() or "")


def message_rows_of(
    request: HttpRequest, account: Account, names: NameVisibility, *, limit: int
) -> list[MessageRow]:
    """Return the newest messages about an account. A mail that also tells of other teams' accounts is named by its kind alone."""
    found = message_history.messages_about(account, limit=limit)
    people = _people(found)
    return [_row(request, one, people.get(one.message.recipient), names) for one in found]


def _people(found: Sequence[message_history.SentMessage]) -> dict[str, User]:
    addresses = {one.message.recipient for one in found}
    return {user.email: user for user in User.objects.filter(email__in=addresses)}


def _row(
    request: HttpRequest, one: message_history.SentMessage, user: User | None, names: NameVisibility
) -> MessageRow:
    message = one.message
    own = message.recipient == getattr(request.user, "email", "")
    opens = names.sees_all or own or (message.team_id is not None and message.team_id in names.teams)
    hidden = user is not None and not opens and user.pk not in names.colleagues
    kind = name_of_kind(message)
    return MessageRow(
        message=message,
        at=message.sent_at or message.created_at,
        who=unnamed() if hidden else (user.name if user else "") or message.recipient,
        subject=(message.subject or phrase("words/pool.txt", "made_when_sent", kind=kind)) if opens else kind,
        said=one.said,
        left_out=bool(one.left_out),
        why=one.left_out or kept.said(message.error),
        url=reverse("admin:notifications_message_change", args=[message.pk]) if opens else "",
    )


def timeline_of_mails(rows: Sequence[MessageRow], *, shown: int = SHOWN) -> Timeline:
    """Return the newest mails, one entry for all readers to whom the same was written in the same minute, and became of it."""
    found: dict[tuple[object, ...], list[MessageRow]] = {}
    for row in rows:
        message = row.message
        minute = message.created_at.replace(second=0, microsecond=0)
        found.setdefault((message.kind, minute, message.state, row.said, row.why), []).append(row)
    lines = [_mail_line(readers) for readers in found.values()]
    return Timeline(lines[:shown], len(lines) > shown or len(rows) > shown * READERS)


def _mail_line(readers: Sequence[MessageRow]) -> MailLine:
    row, several = readers[0], len(readers) > 1
    message = row.message
    became = message.state if message.has_ended else "waits"
    block = "mail_cancelled" if row.left_out else f"mail_{became}"
    off = row.left_out or message.state == Message.State.CANCELLED
    return MailLine(
        at=row.at,
        key=(row.at, 2, message.pk),
        title=say(block, who=row.who, n=len(readers) if several else 0),
        text=" ".join(part for part in (quoted(row.subject), _sentence(row.said), row.why) if part),
        icon="mail",
        tone="bad" if message.has_failed else "mute" if off else "",
        url="" if several else row.url,
        readers=readers if several else (),
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
