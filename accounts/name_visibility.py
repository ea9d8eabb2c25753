"""Who is named to whom: people of other teams are "someone in another team"."""

from collections.abc import Iterable
from typing import Self

from django.contrib.auth.models import AnonymousUser

from accounts.models import Account
from tokens.models import Token
from ui import presentation
from users.models import Membership, Team, User

HIDDEN = "Someone in another team"
ADMINISTRATOR = "An administrator"


def person_name(token: Token) -> str:
    """Return whose token it is, as colleagues know the person: our user's name, else the native user's."""
    if token.consented_by is not None and token.consented_by.name:
        return token.consented_by.name
    return token.native_user_name or f"native user {token.native_user_id}"


class Names:
    """Names as one viewer may see them. Reads the viewer's colleagues once.

    A viewer of None is an address that staff wrote into a rule: it reads all names.
    """

    def __init__(self, viewer: User | AnonymousUser | None) -> None:
        self.all = viewer is None or bool(viewer.is_superuser)
        self.viewer_id = viewer.pk if viewer else None
        self.teams: frozenset[int] = frozenset()
        self.colleagues: frozenset[int] = frozenset()
        if not self.all:
            mine = Membership.objects.filter(user=self.viewer_id).values("team")
            rows = Membership.objects.filter(team__in=mine).values_list("team_id", "user_id")
            self.teams = frozenset(team for team, _ in rows)
            self.colleagues = frozenset(user for _, user in rows)

    @classmethod
    def of_teams(cls, teams: frozenset[int] | None, *, people: Iterable[int | None]) -> Self:
        """Return the names as an API key of these teams may see them, of these people (ids of users); None: our own key, all names."""
        names = cls(None)
        if teams is not None:
            names.all, names.teams = False, teams
            rows = Membership.objects.filter(
                team__in=teams, user__in=[one for one in people if one is not None]
            )
            names.colleagues = frozenset(rows.values_list("user_id", flat=True))
        return names

    def sees_token(self, token: Token, account: Account | None) -> bool:
        """Return whether the viewer may know whose token it is. An imported token belongs to the account's team."""
        if self.all or (self.viewer_id is not None and token.consented_by_id == self.viewer_id):
            return True
        if token.team_id is not None:
            return token.team_id in self.teams
        if token.consented_by_id is None:
            return account is not None and account.team_id in self.teams
        return token.consented_by_id in self.colleagues

    def token(self, token: Token | None, account: Account | None) -> str:
        """Return whose token it is."""
        if token is None:
            return "a token that was removed"
        return person_name(token) if self.sees_token(token, account) else HIDDEN

    def within(self, token: Token, account: Account) -> str:
        """Return whose token it is, for the middle of a sentence."""
        return person_name(token) if self.sees_token(token, account) else presentation.ELSEWHERE

    def user(self, user: User | None) -> str:
        """Return the name of an actor; "" for none. Administrators of all teams are named by what they are."""
        if user is None:
            return ""
        if self.all or user.pk == self.viewer_id or user.pk in self.colleagues:
            return str(user)
        return ADMINISTRATOR if user.is_superuser else HIDDEN

    def team(self, team: Team | None) -> str:
        """Return the name of a team; of one that the viewer is not in, no more than that it is another one."""
        if team is None:
            return "a team that was removed"
        return team.name if self.all or team.pk in self.teams else "another team"

    def first(self, token: Token, account: Account | None) -> str:
        """Return how a button or a sentence calls the person."""
        name = self.token(token, account)
        return name if name == HIDDEN else presentation.first_name(name)
