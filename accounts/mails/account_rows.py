"""One account in a mail about a log-in: what carries it while that log-in does not. Said by templates/mail/_base/state.txt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from django.utils import timezone

from accounts.models import Account
from accounts.summary import Summary
from ui import dates, pills
from ui.pills import Pill


@dataclass(frozen=True)
class MailAccountRow:
    """One account that uses the log-in."""

    account: Account
    pill: Pill
    deactivated: bool
    paused: bool
    carrier: str  # who carries it, as the reader may know them; "" for nobody
    checked: bool  # its log-ins are being checked
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


def row_of(found: Summary, *, carrier: str, zone: tzinfo) -> MailAccountRow:
    """Return an account as a row; `zone` is the reader's."""
    account = found.account
    return MailAccountRow(
        account=account,
        pill=pills.pill("account", found.health),
        deactivated=account.state == Account.State.DEACTIVATED,
        paused=account.paused_at is not None,
        carrier=carrier,
        checked=account.state == Account.State.INTERRUPTED,
        left=dates.days_left(found.deadline, now=timezone.now(), zone=zone).text,
    )
