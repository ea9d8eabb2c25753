"""Inviting somebody, on the page that offboards, for the accounts that nobody known here could carry: an address for each team's."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.html import escape
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext

from accounts import backup_invitations, client_links, leaving_invites
from accounts.models import Account
from portal import asking
from ui.confirm import Said
from ui.refusal import Refusal
from ui.text import join_all, join_names
from users import visibility
from users.models import Team, User

TEAMS = 20  # fields on the page; one more is for all other teams
IN_URL = backup_invitations.MOST  # accounts; more than that no page looks for


@dataclass(frozen=True)
class Nobody:
    """The accounts of one team, or of all that have no field of their own, that nobody could carry."""

    team: Team | None  # None: of all others
    accounts: Sequence[Account]  # as far as the page looked
    has_more: bool = False  # a worker looks at all
    but: Sequence[int] = ()  # of all others: the teams (ids) that have fields

    @property
    def field(self) -> str:
        """The field's name in the form."""
        return f"invite_{self.team.pk}" if self.team else "invite_others"

    @property
    def label(self) -> str:
        """Whom the address is for."""
        if self.team is None:
            return self._label_of_others()
        if self.has_more:
            text = gettext("Invite for all accounts of %(team)s that nobody could carry: e-mail")
            return text % {"team": self.team}
        text = ngettext(
            "Invite for %(number)s account of %(team)s: e-mail",
            "Invite for %(number)s accounts of %(team)s: e-mail",
            len(self.accounts),
        )
        return text % {"number": len(self.accounts), "team": self.team}

    def _label_of_others(self) -> str:
        if self.has_more:
            return gettext("Invite for all accounts of all other teams that nobody could carry: e-mail")
        text = ngettext(
            "Invite for %(number)s account of all other teams: e-mail",
            "Invite for %(number)s accounts of all other teams: e-mail",
            len(self.accounts),
        )
        return text % {"number": len(self.accounts)}

    @property
    def help(self) -> str:
        """Which accounts, or of which teams, and where; escaped, for a form takes what helps with a field as HTML."""
        if not self.accounts:
            return ""
        if self.team is None:
            return escape(join_names(list(dict.fromkeys(str(one.team) for one in self.accounts))))
        names = join_names(list(asking.labels(self.accounts).values()))
        channels = join_all(sorted({str(one.get_channel_display()) for one in self.accounts}))
        return escape(gettext("%(accounts)s (%(channels)s)") % {"accounts": names, "channels": channels})


def of(accounts: Sequence[Account], viewer: User, *, has_more: bool) -> list[Nobody]:
    """Return the accounts by team, of teams for which the viewer may invite. `has_more`: there are others, at which a worker looks."""
    if not (viewer.has_perm("users.invite_user") and client_links.may_make(viewer)):
        return []
    own = set(visibility.teams_of(viewer).values_list("pk", flat=True))
    found: dict[Team, list[Account]] = defaultdict(list)
    for one in accounts:
        if one.team_id in own:
            found[one.team].append(one)
    by_name = sorted(found.items(), key=lambda pair: pair[0].name)
    fields = [Nobody(team, some, has_more) for team, some in by_name[:TEAMS]]
    named = [team.pk for team, _ in by_name[:TEAMS]]
    rest = [one for _, some in by_name[TEAMS:] for one in some]
    if rest or (has_more and own.difference(named)):
        fields.append(Nobody(None, rest, has_more, named))
    return fields


def url(accounts: Sequence[Account], *, back: str) -> str:
    """Return the page that invites one person for these accounts, the first of very many: no more are looked at either.

    `back`: the path that it leads back to.
    """
    ids = ",".join(str(one.pk) for one in accounts[:IN_URL])
    return f"{reverse('invite_backup')}?{urlencode({'account': ids, 'next': back})}"


def for_worker(invites: Sequence[Nobody], said: Said) -> list[dict[str, Any]]:
    """Return whoever was entered as the options of the job name them, each address once."""
    teams: dict[str, list[int]] = defaultdict(list)
    others: dict[str, Sequence[int]] = {}
    for one in invites:
        if email := str(said.cleaned.get(one.field) or "").strip().lower():
            if one.team is None:
                others[email] = one.but
            else:
                teams[email].append(one.team.pk)
    # Whoever is asked for some teams and all others is asked for all but the rest.
    return [
        leaving_invites.wanted(email, but=sorted(set(others[email]).difference(teams[email])))
        if email in others
        else leaving_invites.wanted(email, teams[email])
        for email in dict.fromkeys([*teams, *others])
    ]


def send(invites: Sequence[Nobody], said: Said, *, by: User, now: datetime) -> list[str]:
    """Invite whoever was entered, a person once for all of their accounts. Returns in words whom it could not invite."""
    wanted: dict[str, list[Nobody]] = defaultdict(list)
    for one in invites:
        if email := said.cleaned.get(one.field):
            wanted[email.strip().lower()].append(one)
    failures = []
    for email, some in wanted.items():
        accounts = [account for one in some for account in one.accounts]
        try:
            backup_invitations.invite(accounts=accounts, email=email, by=by, note=said.note, now=now)
        except Refusal as refusal:
            failures.append(f"{email}: {refusal}")
    return failures
