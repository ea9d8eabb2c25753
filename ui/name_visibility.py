"""Who is named to whom: people of other teams are "someone in another team".."""

from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.translation import gettext, pgettext

from ui.text import HiddenName, first_name, hidden_name


class NamedPerson(Protocol):
    """One of our users."""

    @property
    def pk(self) -> Any:
        """Its number."""

    @property
    def is_superuser(self) -> bool:
        """Whether the person has every permission."""


class NamedTeam(Protocol):
    """One of our teams."""

    @property
    def pk(self) -> Any:
        """Its number."""

    @property
    def name(self) -> str:
        """As its people call it."""


class OfATeam(Protocol):
    """What belongs to a team: an account."""

    @property
    def team_id(self) -> int:
        """The team that it belongs to."""


class Consent(Protocol):
    """A token: who consented, or which team owns it."""

    @property
    def consented_by_id(self) -> int | None:
        """Who of us consented."""

    @property
    def team_id(self) -> int | None:
        """The team that it belongs to."""

    @property
    def person_name(self) -> str:
        """Whose it is, as colleagues know the person."""


def unnamed() -> HiddenName:
    """Return what is shown where a name that the viewer may not know would be, or would begin a sentence."""
    return HiddenName(gettext("Someone in another team"))


@dataclass(frozen=True)
class NameVisibility:
    """Names as one viewer may see them: all, or those of the viewer's teams and of the people in them."""

    sees_all: bool
    viewer_id: int | None = None
    teams: frozenset[int] = frozenset()
    colleagues: frozenset[int] = frozenset()

    def sees_token(self, token: Consent, account: OfATeam | None) -> bool:
        """Return whether the viewer may know whose token it is. An imported token belongs to the account's team."""
        if self.sees_all or (self.viewer_id is not None and token.consented_by_id == self.viewer_id):
            return True
        if token.team_id is not None:
            return token.team_id in self.teams
        if token.consented_by_id is None:
            return account is not None and account.team_id in self.teams
        return token.consented_by_id in self.colleagues

    def knows(self, user: NamedPerson) -> bool:
        """Return whether the viewer may know of a person: of all, of colleagues, and of themselves."""
        return self.sees_all or user.pk == self.viewer_id or user.pk in self.colleagues

    def token(self, token: Consent | None, account: OfATeam | None) -> str:
        """Return whose token it is."""
        if token is None:
            return gettext("a token that was removed")
        return token.person_name if self.sees_token(token, account) else unnamed()

    def within(self, token: Consent, account: OfATeam) -> str:
        """Return whose token it is, for the middle of a sentence."""
        return token.person_name if self.sees_token(token, account) else hidden_name()

    def user(self, user: NamedPerson | None) -> str:
        """Return the name of an actor; "" for none. Administrators of all teams are named by what they are."""
        if user is None:
            return ""
        if self.knows(user):
            return str(user)
        return pgettext("as a name", "An administrator") if user.is_superuser else unnamed()

    def team(self, team: NamedTeam | None) -> str:
        """Return the name of a team; of one that the viewer is not in, no more than that it is another one."""
        if team is None:
            return gettext("a team that was removed")
        return team.name if self.sees_all or team.pk in self.teams else gettext("another team")

    def first(self, token: Consent, account: OfATeam | None) -> str:
        """Return how a button or a sentence calls the person."""
        return first_name(self.token(token, account))
