"""What every page and mail needs to know of an account, worked out once; and finding accounts and log-ins by what a person types."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Q, QuerySet, When
from django.utils import timezone

from accounts.models import Account, AccountQuerySet, AccountToken
from accounts.pool.health import Health
from tokens.models import Token
from ui.dates import DeadlineFacts
from ui.name_visibility import NameVisibility
from users.models import User


@dataclass(frozen=True)
class Summary:
    """An account with its pool in order, and what that means."""

    account: Account
    entries: Sequence[AccountToken]
    health: Health
    deadline: DeadlineFacts
    undated: int  # usable tokens whose date is not known, beside a known one

    @property
    def own_health(self) -> Health:
        """The state as those read it who keep the account: it is no trouble of theirs that they are alone."""
        if self.health != Health.NO_BACKUP:
            return self.health
        return Health.DATE_UNKNOWN if self.deadline.kind == "unknown" else Health.HEALTHY

    @property
    def usable(self) -> list[AccountToken]:
        """The entries that could be served."""
        return [entry for entry in self.entries if entry.is_usable]

    @property
    def active(self) -> AccountToken | None:
        """The entry that is served now."""
        return next((entry for entry in self.entries if entry.token_id == self.account.active_token_id), None)

    def active_name(self, names: NameVisibility) -> str:
        """Return who carries the account now as the reader may know it, or ""."""
        return names.within(self.active.token, self.account) if self.active else ""


def summarise(account: Account, now: datetime, entries: Sequence[AccountToken] | None = None) -> Summary:
    """Summarise one account whose pool was loaded by `with_pools` (or is loaded now). `entries`: the same in order, where that is known."""
    if entries is None:
        entries = account.pool_in_order()
    usable = [entry for entry in entries if entry.is_usable]
    undated = 0
    if account.deadline_kind == Account.DeadlineKind.DATE:
        undated = sum(entry.token.deadline_kind == Token.DeadlineKind.UNKNOWN for entry in usable)
    renews = any(
        entry.token.deadline == account.deadline and entry.token.renews_itself(now) for entry in usable
    )
    health = account.health(now=now, zone=timezone.get_current_timezone())
    deadline = DeadlineFacts(
        account.deadline_kind, account.deadline, usable=account.usable_count > 0, renews=renews
    )
    return Summary(account, entries, health, deadline, undated)


def deadline_facts(token: Token, *, usable: bool, now: datetime) -> DeadlineFacts:
    """Return what is known of the end of a token; of a dead one when it stopped: its own date no longer says anything."""
    if token.state == Token.State.DEAD:
        return DeadlineFacts("date", token.state_since, usable=False)
    return DeadlineFacts(token.deadline_kind, token.deadline, usable=usable, renews=token.renews_itself(now))


def first_summaries(
    accounts: AccountQuerySet, now: datetime, *, count: int, before: Collection[int] = ()
) -> list[Summary]:
    """Summarise the first few of what may be thousands: those of the ids `before`, then those that stopped, then by name."""
    place = Case(When(pk__in=list(before), then=0), When(state=Account.State.DEACTIVATED, then=1), default=2)
    return [
        summarise(account, now) for account in accounts.order_by(place, "name", "pk").with_pools()[:count]
    ]


def other_carriers(summary: Summary, user: User, names: NameVisibility) -> list[str]:
    """Return the names of other people who can carry the account, the active one first."""
    carriers = [entry.token for entry in summary.usable if not entry.is_of(user)]
    return list(dict.fromkeys(names.within(token, summary.account) for token in carriers))


def search_accounts(accounts: QuerySet[Account], term: str, names: NameVisibility) -> QuerySet[Account]:
    """Find accounts by name, native id, or by a person that the viewer may know: name, e-mail, name at the channel."""
    term = term.strip()
    if not term:
        return accounts
    linked = AccountToken.objects.filter(token__in=log_ins_of_people(term, names))
    return accounts.filter(name_holds(term) | Q(pk__in=linked.values("account")))


def accounts_named(accounts: QuerySet[Account], term: str) -> QuerySet[Account]:
    """Find accounts by name or native id alone."""
    return accounts.filter(name_holds(term.strip()))


def name_holds(term: str) -> Q:
    """Return the condition of accounts whose name or native id holds the term; Facebook's "act_" before an id is no part of it."""
    native = term.replace(" ", "").removeprefix("act_")
    return Q(name__icontains=term) | (Q(native_id__icontains=native) if native else Q())


def log_ins_of_people(term: str, names: NameVisibility) -> QuerySet[Any]:
    """Return the ids of log-ins of persons whom the viewer may know and whose name, e-mail or name at the channel holds the term."""
    people = User.objects.filter(Q(name__icontains=term) | Q(email__icontains=term))
    found = Token.objects.filter(
        Q(native_user_name__icontains=term) | Q(consented_by__in=people.values("pk"))
    )
    if not names.sees_all:
        found = found.filter(Q(consented_by__in=names.colleagues) | Q(consented_by=None))
    return found.order_by().values("pk")


def log_ins_seen_by(tokens: QuerySet[Token], user: User) -> QuerySet[Token]:
    """Keep the log-ins in pools of accounts that this person sees (`visible_to`), who does not see all teams."""
    return tokens.filter(pk__in=AccountToken.objects.visible_to(user).values("token"))


def account_labels(accounts: Sequence[Account]) -> dict[int, str]:
    """Return the accounts' names by id: with the channel where two have one name, and the channel's id where that is the same too."""
    several = {one.pk: one for one in accounts}
    names = Counter(one.name for one in several.values())
    on_channel = Counter((one.name, one.channel) for one in several.values())
    found = {}
    for pk, one in several.items():
        more = one.get_channel_display()
        if on_channel[one.name, one.channel] > 1:
            more += f", {one.native_id}"
        found[pk] = f"{one.name} ({more})" if names[one.name] > 1 else one.name
    return found
