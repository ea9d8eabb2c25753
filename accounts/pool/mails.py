"""One account in a mail about a log-in: what carries it while that log-in does not. Said by templates/mail/_base/state.txt.

And what mails about several accounts share: who reads, how many are shown, and the frame of templates/mail/<kind>/.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from django.utils import timezone

from accounts.models import Account
from accounts.pool import queries as pool_queries
from accounts.pool.queries import Summary
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, Reader, compose_mail
from tokens.channels import declarations
from ui import addresses, dates, pills
from ui.name_visibility import NameVisibility
from ui.pills import Pill
from ui.text import first_name
from users.models import User
from users.people.queries import names_for


@dataclass(frozen=True)
class ReaderWithNames(Reader):
    """Who reads the mail, and whose names they may read."""

    names: NameVisibility

    @property
    def first_name(self) -> str:
        """How a sentence calls a person who can log in here; "" for an address outside, and where somebody else looks at the mail."""
        return first_name(str(self.user)) if self.user and self.user.pk == self.names.viewer_id else ""


def reader_of(message: Message) -> ReaderWithNames:
    """Return who reads a message. Raises NotWanted where the person can no longer log in."""
    user = message.reader
    if user is not None and not user.is_active:
        raise NotWanted("person_left")
    return ReaderWithNames(user, names_for(user))


def signed_by(actor: User | None, names: NameVisibility) -> tuple[str, str]:
    """Return the name of who did something, and the address that an answer reaches; "" for nobody, and for whom the reader may not know."""
    if actor is None or names.user(actor) != str(actor):
        return "", ""
    return str(actor), actor.email if actor.is_active else ""


def summaries(ids: Collection[int]) -> dict[int, Summary]:
    """Return what is true now of these accounts, by id, in a fixed number of queries."""
    now = timezone.now()
    return {
        one.pk: pool_queries.summarise(one, now) for one in Account.objects.filter(pk__in=ids).with_pools()
    }


def works_until(found: Summary, reader: ReaderWithNames) -> dates.WorksUntil:
    """Return until when an account works, in the reader's zone."""
    return dates.works_until(
        found.deadline,
        undated=found.undated,
        channel_label=declarations.label(found.account.channel),
        now=timezone.now(),
        zone=reader.zone,
    )


def compose_account_mail(
    kind: str, message: Message, reader: ReaderWithNames, facts: Mapping[str, object]
) -> Mail:
    """Return a mail of templates/mail/<kind>/, with what the words of all of them use."""
    shared = {"first_name": reader.first_name, "all_url": addresses.absolute_url("my_accounts")}
    return compose_mail(kind, message, reader, shared | dict(facts))


@dataclass(frozen=True)
class MailAccountRow:
    """One account that uses the log-in."""

    account: Account
    pill: Pill
    carrier: str  # who carries it, as the reader may know them; "" for nobody
    left: str  # how long it works, where there is nothing else to say


@dataclass(frozen=True)
class Rows:
    """The first accounts that use a log-in, and how many there are: it may be thousands."""

    shown: Sequence[MailAccountRow]
    total: int

    @property
    def others(self) -> Sequence[MailAccountRow]:
        """What is shown behind the first."""
        return self.shown[1:]

    @property
    def unseen(self) -> int:
        """How many are not shown."""
        return max(0, self.total - len(self.shown))


def mail_row(found: Summary, *, carrier: str, zone: tzinfo) -> MailAccountRow:
    """Return an account as a row; `zone` is the reader's."""
    account = found.account
    return MailAccountRow(
        account=account,
        pill=pills.pill("account", found.health),
        carrier=carrier,
        left=dates.days_left(found.deadline, now=timezone.now(), zone=zone).text,
    )
