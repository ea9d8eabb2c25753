"""Choosing which of the offered ad accounts to keep connected. Everything comes from the list that the callback kept."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from accounts.asks import progress
from accounts.models import Account, AccountEvent, AccountToken, PendingLink
from accounts.pool import services as pool
from accounts.sync import entries as pool_entries
from tokens import lifecycle
from tokens.channels.kinds import NativeAccount
from tokens.models import Token
from users.models import Team, User
from users.people.queries import names_for

PRESELECT_BELOW = 10


class Gone(Exception):  # noqa: N818  # it is an answer, not an error
    """The pending link was used already, or swept after 15 minutes."""


class Ended(Gone):
    """The log-in was removed or is dead since its consent, or its person was switched off."""


class NotYourTeam(Exception):  # noqa: N818
    """A team was named that the person is not in."""


class NotOffered(Exception):  # noqa: N818
    """An id was ticked that the channel's list does not hold, or that cannot be linked."""


class LinkEffect(StrEnum):
    """What linking an offered ad account would mean, the first that holds."""

    TEAM_REFUSES = "team_refuses"  # its team accepts log-ins of its own people only
    CLOSED = "closed"
    RESTRICTED = "restricted"
    REPORTS_ONLY = "reports_only"
    LINKED = "linked"  # by this log-in, already
    BACKUP = "backup"  # others can carry it
    REPAIR = "repair"  # others are linked to it and cannot carry it
    FIRST = "first"  # nobody is


@dataclass(frozen=True)
class Candidate:
    """One offered ad account, and how it stands here."""

    native: NativeAccount
    account: Account | None  # None: it is new here
    standing: LinkEffect
    others: Sequence[Token]  # log-ins that can carry it (BACKUP), or that cannot (REPAIR)
    ticked: bool  # beforehand
    goes_to: Team | None  # by its business at the channel, where that is another team than the one proposed

    @property
    def is_open(self) -> bool:
        """Whether it may be linked by this log-in."""
        return not self.native.closed and self.standing != LinkEffect.TEAM_REFUSES


def offered_candidates(pending: PendingLink, user: User, *, only: Team | None = None) -> list[Candidate]:
    """Return each offered ad account with how it stands here and whether it is ticked beforehand, in the channel's order.

    `only`: accounts of other teams are refused.
    """
    natives = pending.natives
    existing = {
        account.native_id: account
        for account in Account.objects.filter(
            channel=pending.token.app.channel, native_id__in=[native.native_id for native in natives]
        )
        .select_related("team")
        .prefetch_related("pool__token__consented_by")
    }
    had, teams = pending.carried_ids, TeamChoice.for_link(pending, user)
    refusing = _refusing(existing.values(), pending.token, user, only)
    none_taken = only is not None and is_shut_out(pending.token, user, only)
    wanted = {pending.account.native_id} if pending.account else _wanted(pending, had)
    everything = not wanted and len(natives) <= PRESELECT_BELOW
    made = []
    for native in natives:
        account = existing.get(native.native_id)
        others = _others(account, pending.token) if account else []
        carriers = [entry.token for entry in others if entry.is_living]
        refused = none_taken or (account is not None and account.pk in refusing)
        linked = native.native_id in had
        standing = _standing(
            native, refused=refused, linked=linked, others=len(others), carriers=len(carriers)
        )
        ticked = (native.native_id in wanted or everything) and not native.closed and not refused
        if everything and (native.can_publish == "no" or native.restriction):
            ticked = False
        own = teams.by_business(native) if account is None else None
        goes_to = own if own is not None and own != teams.proposed else None
        shown = carriers or [entry.token for entry in others]
        made.append(Candidate(native, account, standing, shown, ticked, goes_to))
    return made


def _wanted(pending: PendingLink, had: set[str]) -> set[str]:
    """Return what is ticked beforehand: what the person was asked to link, and what the log-in carries already."""
    return {*pending.wanted, *had} if pending.wanted else had


def _standing(
    native: NativeAccount, *, refused: bool, linked: bool, others: int, carriers: int
) -> LinkEffect:
    found = (
        (refused, LinkEffect.TEAM_REFUSES),
        (native.closed, LinkEffect.CLOSED),
        (bool(native.restriction), LinkEffect.RESTRICTED),
        (native.can_publish == "no", LinkEffect.REPORTS_ONLY),
        (linked, LinkEffect.LINKED),
        (carriers > 0, LinkEffect.BACKUP),
        (others > 0, LinkEffect.REPAIR),
    )
    return next((standing for holds, standing in found if holds), LinkEffect.FIRST)


def _others(account: Account, token: Token) -> list[AccountToken]:
    return [entry for entry in account.pool.all() if entry.token_id != token.pk]


def _refusing(accounts: Iterable[Account], token: Token, user: User, only: Team | None) -> set[int]:
    """Return the ids of those accounts whose team accepts log-ins of its own people only, and not this one; with `only` of other teams'."""
    if only is not None:
        return {account.pk for account in accounts if account.team_id != only.pk}
    closed = [account for account in accounts if account.team.members_only]
    if token.kind == Token.Kind.SYSTEM:
        return {account.pk for account in closed if account.team_id != token.team_id}
    mine = set(user.memberships.values_list("team", flat=True)) if closed else set()
    return {account.pk for account in closed if account.team_id not in mine}


def is_shut_out(token: Token, user: User, team: Team) -> bool:
    """Return whether a team accepts log-ins of its own people only, and a log-in that came by a link of the team is none of theirs.

    A contact's is: they join the team with what they choose.
    """
    if not team.members_only or user.is_contact:
        return False
    if token.kind == Token.Kind.SYSTEM:
        return token.team_id != team.pk
    return team.refuses_log_ins_of(user)


@dataclass(frozen=True)
class TeamChoice:
    """To which team new accounts go: those the person may choose from, the one proposed first."""

    teams: Sequence[Team]

    @classmethod
    def for_link(cls, pending: PendingLink, user: User) -> "TeamChoice":
        """Return the choice for this list: the team that owns a system user, or is asked to renew an account; else the person's teams.

        The team that was chosen last comes first, then the one that the person has been in longest.
        """
        if pending.token.team is not None:
            return cls([pending.token.team])
        mine = user.teams_by_last_link()
        if pending.account is not None and pending.account.team in mine:
            return cls([pending.account.team])
        return cls(mine)

    @property
    def proposed(self) -> Team:
        """The team where nothing says otherwise."""
        return self.teams[0]

    def by_business(self, native: NativeAccount) -> Team | None:
        """Return the team that bears the name of the ad account's business at the channel, None where none does."""
        name = native.business.casefold()
        return next((team for team in self.teams if name and team.name.casefold() == name), None)

    def named(self, team_id: int | None) -> Team:
        """Return the team of this id, the proposed one for None. Raises NotYourTeam."""
        if team_id is None:
            return self.proposed
        found = next((team for team in self.teams if team.pk == team_id), None)
        if found is None:
            raise NotYourTeam
        return found


def teams_to_choose_from(pending: PendingLink, user: User) -> Sequence[Team]:
    """Return the teams to choose from for the accounts that are new here; nothing where there is nothing to choose."""
    teams = TeamChoice.for_link(pending, user).teams
    if len(teams) < 2:
        return []
    ids = [native.native_id for native in pending.natives if not native.closed]
    known = Account.objects.filter(channel=pending.token.app.channel, native_id__in=ids).count()
    return teams if known < len(ids) else []


@transaction.atomic
def save_choice(
    *,
    pending_id: uuid.UUID,
    user: User,
    native_ids: Iterable[str],
    now: datetime,
    team_id: int | None = None,
    only: Team | None = None,
) -> list[Account]:
    """Link the chosen accounts, in one transaction, once. Returns them in the order of their names.

    Accounts that are new here go to the team that bears the name of their business, else to `team_id`, else to the one proposed; with
    `only` to that team, whose accounts alone may be linked then.
    Raises Gone where the pending link was used or swept, Ended where the log-in can carry nothing any longer, NotOffered for an id that
    the channel's list does not hold or that may not be linked, NotYourTeam for a team that the person may not choose.
    """
    pending = (
        PendingLink.objects.select_related("token__app", "token__team", "account__team")
        .filter(pk=pending_id, user=user)
        .first()
    )
    if pending is None or not PendingLink.objects.filter(pk=pending_id, user=user).delete()[0]:
        raise Gone
    # As a consent does: whoever locks a person out waits for this row, or was first.
    here = User.objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=True).exists()
    choice = TeamChoice.for_link(pending, user) if only is None else TeamChoice([only])
    team = choice.named(team_id)
    by_id = {native.native_id: native for native in pending.natives if not native.closed}
    chosen = sorted(set(native_ids))
    token = Token.objects.locked().select_related("app", "team").get(pk=pending.token_id)
    if not here or token.state == Token.State.DEAD or token.is_removed:
        raise Ended
    offered = {one.native.native_id for one in offered_candidates(pending, user, only=only) if one.is_open}
    if unknown := [native_id for native_id in chosen if native_id not in offered]:
        raise NotOffered(", ".join(unknown))
    teams = {native_id: choice.by_business(by_id[native_id]) or team for native_id in chosen}
    accounts = _ensure_accounts([by_id[native_id] for native_id in chosen], token, teams, user, now)
    for account in accounts:
        _ensure_entry(account, token, by_id[account.native_id], user, now)
    lifecycle.note_linked(token_ids=[token.pk], now=now)
    progress.note_linked(user=user, accounts=accounts, now=now)
    pool.settle(
        account_ids=[account.pk for account in accounts], cause="linked", now=now, source="link", actor=user
    )
    return sorted(accounts, key=lambda account: account.name)


def _ensure_accounts(
    natives: Sequence[NativeAccount], token: Token, teams: Mapping[str, Team], user: User, now: datetime
) -> list[Account]:
    """Make the missing rows in the order of native ids, then lock all by id; the teams they went to are the person's last ones.

    So two people who link at once do not wait for each other in a circle.
    """
    channel = token.app.channel
    known = Account.objects.filter(channel=channel, native_id__in=teams).values_list("native_id", flat=True)
    new = teams.keys() - set(known)
    Account.objects.bulk_create(
        [
            Account(
                channel=channel,
                native_id=native.native_id,
                name=native.name,
                team=teams[native.native_id],
                created_at=now,
                since=now,
            )
            for native in natives
        ],
        ignore_conflicts=True,
    )
    user.memberships.filter(team__in={teams[native_id] for native_id in new}).update(last_linked_at=now)
    return list(Account.objects.filter(channel=channel, native_id__in=teams).locked())


def _ensure_entry(account: Account, token: Token, native: NativeAccount, user: User, now: datetime) -> None:
    pool_entries.update_account(account, native, now=now, source="link")
    entry, created = AccountToken.objects.get_or_create(
        account=account, token=token, defaults={"added_by": user, "added_at": now}
    )
    entry.account, entry.token = account, token
    pool_entries.write_entry(entry, native, now)
    if created:
        pool.record_event(
            account=account,
            kind=AccountEvent.Kind.LINKED,
            token_id=token.pk,
            source="link",
            actor=user,
            now=now,
        )


def accounts_lost(pending: PendingLink) -> list[tuple[Account, str]]:
    """Return the accounts that a smaller grant took away, each with who goes on with it ("" for nobody), those now dark first."""
    names = names_for(pending.user)
    lost = Account.objects.filter(pk__in=pending.no_longer).select_related("active_token__consented_by")
    rows = [(one, names.within(one.active_token, one) if one.active_token else "") for one in lost]
    return sorted(rows, key=lambda row: (not row[0].is_deactivated, row[0].name))
