"""Who reads a mail about one log-in: its person, or whoever stands in where the person cannot be told."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import Account
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import Token
from users import refused_addresses
from users.models import Team, User
from users.recipients import Via, fallback, members


@dataclass(frozen=True)
class Addressee:
    """One address that a mail about a log-in goes to."""

    address: str
    via: Via = Via.DIRECT
    user: User | None = None  # where the person of the log-in, or a member of a system user's team, reads it
    teams: tuple[int, ...] = ()  # whoever stands in is told of these teams' accounts; empty: of all

    @property
    def key(self) -> str:
        """What tells the readers of one log-in apart, for dedupe keys."""
        return str(self.user.pk) if self.user else f"{self.via}:{self.address}"

    @property
    def stands_in(self) -> dict[str, Any]:
        """What a message keeps of a reader who stands in; nothing for others."""
        return {"via": str(self.via), "teams": list(self.teams)} if self.via else {}


def of_token(token: Token) -> list[Addressee]:
    """Return whom a log-in concerns: who consented; of a system user its team; where none of them can be told, who stands in.

    A log-in that is linked to nothing concerns nobody but its person.
    """
    people = _people(token)
    if people:
        return [Addressee(user.email, user=user) for user in people]
    found: dict[tuple[str, Via], list[int]] = defaultdict(list)
    for team_id, told in sorted(fallback(_team_ids(token)).items()):
        for address in told.addresses:
            found[address, told.via].append(team_id)
    return [Addressee(address, via, teams=tuple(teams)) for (address, via), teams in found.items()]


def leads_beside(token: Token) -> list[Addressee]:
    """Return the team leads who are told beside the person of a log-in that only an appeal brings back: of teams whose accounts it stopped.

    Where nobody reads for the person they stand in anyway, see `of_token`.
    """
    if token.state != Token.State.DEAD or token.reason not in AN_APPEAL_HELPS:
        return []
    people = {person.email for person in _people(token)}
    dark = token.pool_entries.filter(account__state=Account.State.DEACTIVATED, account__paused_at=None)
    teams = list(dark.order_by().values_list("account__team", flat=True).distinct()) if people else []
    found: dict[str, list[int]] = defaultdict(list)
    for team_id, told in sorted(fallback(teams).items()):
        for address in told.addresses if told.via == Via.TEAM_LEAD else ():
            if address not in people:
                found[address].append(team_id)
    return [Addressee(address, Via.TEAM_LEAD, teams=tuple(ids)) for address, ids in found.items()]


def team_of(tokens: Sequence[Token], teams: tuple[int, ...] = ()) -> Team | None:
    """Return the team that a mail about the log-ins' accounts (of these teams) belongs to; None where it tells of several.

    The team decides which staff may read the mail.
    """
    ids = set(teams) or {team_id for token in tokens for team_id in _team_ids(token)}
    return Team.objects.filter(pk__in=ids).first() if len(ids) == 1 else None


def _people(token: Token) -> list[User]:
    """Return whom it concerns and mail reaches."""
    people = User.objects.filter(is_active=True).exclude(email__in=refused_addresses.all_of_them())
    if token.kind == Token.Kind.SYSTEM:
        return list(people.filter(memberships__in=members().filter(team=token.team_id)).order_by("pk"))
    return list(people.filter(tokens=token.pk))


def _team_ids(token: Token) -> list[int]:
    return list(token.pool_entries.order_by().values_list("account__team", flat=True).distinct())
