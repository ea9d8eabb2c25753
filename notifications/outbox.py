"""Messages: writing them, and from one to its mail: the kinds, who reads it, the foot that every mail has, and text made fit for it.

The app that owns a kind registers how its mail is built. How one is delivered is in notifications.delivery.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from celery import current_app
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop

from infra import asking_workers, database_clock
from notifications.models import Message
from ui import addresses, mails, phrases
from ui import stored_phrases as kept
from users.models import Team, User

DELIVER = "notifications.deliver_messages"  # the task


def enqueue(
    *,
    kind: str,
    recipient: str,
    dedupe_key: str,
    now: datetime,
    team: Team | None = None,
    payload: Mapping[str, Any] | None = None,
) -> bool:
    """Write one message in the caller's transaction, once per dedupe key. Return whether it is new.

    A worker is asked to deliver it once the transaction is committed. It is due at once, also where this host's clock is ahead.
    """
    _, created = Message.objects.get_or_create(
        dedupe_key=dedupe_key,
        defaults={
            "kind": kind,
            "recipient": recipient.lower(),
            "team": team,
            "payload": dict(payload or {}),
            "next_attempt_at": min(now, database_clock.now()),
            "created_at": now,
            "queued_at": now,
        },
    )
    if created:
        deliver_soon()
    return created


def deliver_soon() -> None:
    """Ask a worker to deliver as soon as this transaction is committed.

    It is a hint: when the broker cannot be reached, the next sweep sends the message.
    """
    transaction.on_commit(ask_to_deliver, robust=True)


def ask_to_deliver() -> None:
    """Ask a worker to deliver now."""
    asking_workers.ask(current_app.tasks[DELIVER])


# --- text from outside, without control characters and bidi overrides

SUBJECT_LENGTH = 78

# C0 without tab and line feed, DEL, C1, line and paragraph separators, bidi marks, embeddings, overrides and isolates,
# the byte order mark, and lone surrogates (no encoder takes them).
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def clean_line(text: str, length: int = SUBJECT_LENGTH) -> str:
    """Return the text on one line, without what does not belong there, at most `length` characters."""
    flat = " ".join(_UNFIT.sub(" ", text).split())
    return flat if len(flat) <= length else flat[: length - 1].rstrip() + "…"


def clean_body(text: str) -> str:
    """Return a body without what does not belong there; line breaks become line feeds."""
    return _UNFIT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass(frozen=True)
class Mail:
    """A mail ready to be sent. Links that are secrets are in `text` and `html` only while it is sent."""

    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    reply_to: str | None = (
        None  # whom an answer reaches; "": nobody; None: whoever looks after the message's team
    )
    stored_text: str | None = None  # what is kept of it, where the sent text holds a secret link
    stored_html: str | None = None

    def hiding(self, secret: str, shown: str) -> Self:
        """Return the mail with what its kept copy shows in place of a secret, beside those that it hides already."""
        text = self.text if self.stored_text is None else self.stored_text
        kept = self.html if self.stored_html is None else self.stored_html
        return replace(self, stored_text=text.replace(secret, shown), stored_html=kept.replace(secret, shown))


NOT_WANTED = "words/not_wanted.txt"  # the phrases of the codes


class NotWanted(Exception):  # noqa: N818  # it is an answer, not an error
    """Raised by a builder: the message has nothing left to say. As text it is the reason that the page shows.

    `codes` are phrases of templates/words/not_wanted.txt, `facts` what they name; what is no phrase there is shown as it is.
    """

    def __init__(self, *codes: str, **facts: object) -> None:
        super().__init__(*codes)
        self.codes, self.facts = codes, facts

    def __str__(self) -> str:
        return kept.said(self.kept)

    @property
    def kept(self) -> str:
        """The reason as it is kept in a row."""
        return kept.both(*(kept_reason(code, **self.facts) for code in self.codes))


def kept_reason(code: str, **facts: object) -> str:
    """Return why a mail was not sent, or why it leaves something out, as it is kept in a row (ui/stored_phrases.py)."""
    return kept.keep(NOT_WANTED, code, **facts) if code in phrases.blocks(NOT_WANTED) else code


Builder = Callable[[Message], Mail]
Ending = Callable[[Message], None]
ReaderOf = Callable[[Message], User | None]


FACTS = "words/mail_facts.txt"  # the phrases of facts
BECAUSE = "words/why_mail.txt"  # a phrase for each kind


@dataclass(frozen=True)
class Fact:
    """One line of "why did I (not) get this mail?": what was found, and what became of it."""

    what: str
    outcome: str
    reason: str = ""


Why = Callable[[Message], list[Fact]]


@dataclass(frozen=True)
class MailKind:
    """How messages of one kind are made, and what is known of them. `name` is what staff read.

    `stays`: such rows are never pruned, because a sweep asks for their dedupe keys as long as what they tell holds, or a page asks whether
    there was one.
    `to_parked`: sent to a parked address, too, all of them or those of which it says so: for their reader alone, often to come back by.
    `of_address`: all, or those of which it says so, stay there when the person gets a new one: they are about the address itself, or ask
    when they are made whom they tell, and what they do not tell their address is found anew for the new one.
    `reader`: the person to whom alone a message is, or None: sent again, it goes to the address that they have then.
    `asks`: when it is made it asks whether its address is one of those whom it tells, whoever has the address. So it is not dropped with a
    person: staff may have entered the address.
    """

    name: str | Promise
    build: Builder
    # Called in the transaction that records a message as sent, failed or cancelled, with the message in that state.
    ended: Ending | None = None
    why: Why | None = None
    stays: bool = False
    to_parked: Callable[[Message], bool] | bool = False
    of_address: Callable[[Message], bool] | bool = False
    reader: ReaderOf | None = None
    asks: bool = False


KINDS: dict[str, MailKind] = {}


def register_kind(kind: str, build: Builder, *, name: str | Promise, **facts: Any) -> None:
    """Say how messages of this kind are built; `facts` are those of `MailKind`."""
    KINDS[kind] = MailKind(name=name, build=build, **facts)


def name_of_kind(message: Message) -> str:
    """Return the kind of a message in words; its key where nothing builds it now."""
    kind = KINDS.get(message.kind)
    return str(kind.name) if kind else message.kind


def address_now(message: Message) -> str:
    """Return where to send a message again: to the address that its person has now, where it is to one."""
    kind = KINDS.get(message.kind)
    person = kind.reader(message) if kind and kind.reader else None
    return person.email if person is not None else message.recipient


def facts_behind(message: Message) -> list[Fact]:
    """Return the facts behind a message; none where its kind knows none."""
    kind = KINDS.get(message.kind)
    return kind.why(message) if kind and kind.why else []


def reason_it_came(message: Message) -> str:
    """Return in a sentence why its reader got a message, by its kind alone; that it is not known where nobody builds that kind now."""
    known = message.kind in phrases.blocks(BECAUSE)
    return phrases.phrase(BECAUSE, message.kind if known else "unknown")


# --- making a mail

HIDDEN_LINK = gettext_noop("[the link is only in the mail that was sent]")


@dataclass(frozen=True)
class Reader:
    """Who reads a mail: a person who can log in here, or an address outside (`user` is None)."""

    user: User | None

    @property
    def can_log_in(self) -> bool:
        """Whether the reader can open pages behind our log-in."""
        return self.user is not None and not self.user.is_contact

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone, the installation's for an address outside."""
        return self.user.zone if self.user else ZoneInfo(timezone.get_default_timezone_name())


def reader_of(message: Message) -> Reader:
    """Return who reads a message."""
    return Reader(User.objects.filter(email=message.recipient, is_active=True).first())


def compose_mail(
    folder: str, message: Message, reader: Reader, facts: Mapping[str, object], *, reply_to: str = ""
) -> Mail:
    """Return the mail of templates/mail/<folder>/ for its reader, who is led to "Why this mail?" if able to log in."""
    foot = {
        "reader": reader,
        "why_url": addresses.absolute_url("why_message", message.pk)
        if reader.can_log_in and message.pk
        else "",
    }
    # The page behind our log-in is none for a contact.
    shut = {"all_url": ""} if reader.user and reader.user.is_contact else {}
    said = foot | dict(facts) | shut
    return Mail(**mails.render(folder, said, zone=reader.zone), reply_to=reply_to or None)


def without_link(mail: Mail, link: str) -> Mail:
    """Return the mail with a link that is a secret, which the kept copy does not hold."""
    return mail.hiding(link, gettext(HIDDEN_LINK))
