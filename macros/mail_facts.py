"""What a warning mail is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from macros import grouping
from macros.grouping import Pooled
from macros.models import MacroAction, Notice
from ui.name_visibility import NameVisibility
from users.models import User
from users.recipients import addresses_of_leads
from users.visibility import names_for


@dataclass(frozen=True)
class MailFacts:
    """What one mail is made of."""

    notices: Sequence[Notice]
    accounts: Mapping[int, Pooled]  # by id, with their pools
    reader: User | None
    names: NameVisibility
    leads: Sequence[tuple[int, str]]  # team, address

    @property
    def escalated(self) -> int:
        """After how many days without anything the reader is told, where that alone is why; else 0."""
        actions = [one.action for one in self.notices if one.action]
        if any(one.kind != MacroAction.Kind.ESCALATED for one in actions):
            return 0
        return max((one.after or 0 for one in actions), default=0)


def facts_of(notices: Sequence[Notice], *, recipient: str, names: NameVisibility | None = None) -> MailFacts:
    """Return what the mail about these notices is made of, whose macros are loaded; `names`: see `mails.compose`."""
    reader = User.objects.filter(email=recipient, is_active=True).first()
    if reader and names and not names.knows(reader):  # who looks at it may not read whose address that is
        reader = None
    accounts = grouping.accounts_of({notice.account_id for notice in notices}, notices)
    leads = addresses_of_leads(one.account.team_id for one in accounts.values())
    return MailFacts(notices, accounts, reader, names or names_for(reader), leads)
