"""Whose names a viewer may read; who is told where nobody else can be; and who receives the answers to mails."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ui.name_visibility import NameVisibility
from users.models import Membership, RefusedAddress, User
from users.people.models import ADMINISTRATORS_GROUP, SEE_ALL_TEAMS, MembershipQuerySet


def names_for(viewer: User | AnonymousUser | None) -> NameVisibility:
    """Return which names a viewer may read. Reads their colleagues once.

    A viewer of None is an address that staff wrote into a rule: it reads all names.
    """
    if viewer is None:
        return NameVisibility(sees_all=True)
    if isinstance(viewer, User) and (viewer.is_superuser or (viewer.is_staff and viewer.sees_all_teams)):
        return NameVisibility(sees_all=True, viewer_id=viewer.pk)
    mine = Membership.objects.filter(user=viewer.pk).values("team")
    rows = list(Membership.objects.filter(team__in=mine).values_list("team_id", "user_id"))
    return NameVisibility(
        sees_all=False,
        viewer_id=viewer.pk,
        teams=frozenset(team for team, _ in rows),
        colleagues=frozenset(user for _, user in rows),
    )


def addresses_that_see_all() -> frozenset[str]:
    """Return the addresses of those who see all teams and can log in. One query."""
    holders = ModelBackend().with_perm(SEE_ALL_TEAMS).filter(Q(is_superuser=True) | Q(is_staff=True))
    return frozenset(holders.values_list("email", flat=True))


def names_for_teams(teams: frozenset[int] | None, *, people: Iterable[int | None]) -> NameVisibility:
    """Return which names an API key of these teams may read, of these people (ids of users); None: our own key, all names."""
    if teams is None:
        return NameVisibility(sees_all=True)
    known = [one for one in people if one is not None]
    rows = Membership.objects.filter(team__in=teams, user__in=known)
    return NameVisibility(
        sees_all=False, teams=teams, colleagues=frozenset(rows.values_list("user_id", flat=True))
    )


def members_of(teams: Collection[int] | None) -> list[int]:
    """Return who (ids) is in one of these teams; None: our own key, which asks for nobody's name."""
    return list(Membership.objects.filter(team__in=teams or ()).values_list("user_id", flat=True))


# --- who is told where nobody else can be: the leads of the account's team, else the operators. The one place of this rule; the rules of
# macros, which are pure, say it of what they were given.


class Via(models.TextChoices):
    """How a mail came to its reader."""

    DIRECT = "", _("The person, or an address that was entered")
    TEAM_LEAD = "team_lead", _("Team lead: nobody else could be told")
    OPERATOR = "operator", _("Operator: nobody else could be told, and the team has no lead")


MOST = 3  # addresses in one Reply-To


@dataclass(frozen=True)
class Fallback:
    """Who is told in place of people who cannot be reached. Empty only where the installation has no operator."""

    via: Via
    addresses: tuple[str, ...]  # lower case, each once


def operators() -> list[str]:
    """Return who hears of our own faults, and of what nobody else can be told: OPERATOR_EMAILS, active administrators and superusers.

    Each address once, in lower case. Superusers count without the group, because the first account of an installation has none.
    """
    users = User.objects.filter(is_active=True)
    people = users.filter(Q(is_superuser=True) | Q(groups__name=ADMINISTRATORS_GROUP))
    addresses = [*settings.OPERATOR_EMAILS, *people.order_by("email").values_list("email", flat=True)]
    return list(dict.fromkeys(address.lower() for address in addresses))


def who_log_in(addresses: Iterable[str]) -> frozenset[str]:
    """Return those of these addresses that somebody logs in with: a person gets one mail of all teams, others one for each."""
    people = User.objects.filter(is_active=True, email__in=set(addresses))
    return frozenset(people.values_list("email", flat=True))


def reachable_operators() -> list[str]:
    """Return the operators whose mail servers do not refuse them. All of them are mailed all the same: nobody comes after them."""
    to = operators()
    refused = RefusedAddress.objects.parked_among(to)
    return [address for address in to if address not in refused]


def reachable_leads(leads: MembershipQuerySet) -> dict[int, list[str]]:
    """Return the addresses of these team leads by their teams, without those that are refused. One query."""
    found: dict[int, list[str]] = defaultdict(list)
    reached = leads.exclude(user__email__in=RefusedAddress.objects.addresses())
    for team_id, email in reached.order_by("user__email").values_list("team", "user__email"):
        found[team_id].append(email)
    return found


def fallback_readers(team_ids: Iterable[int]) -> dict[int, Fallback]:
    """Return for each team who is told where nobody else can be. Two queries, however many teams."""
    ids = set(team_ids)
    found = reachable_leads(Membership.objects.leads().filter(team__in=ids))
    last = Fallback(Via.OPERATOR, tuple(operators())) if ids - found.keys() else None
    told = {team_id: Fallback(Via.TEAM_LEAD, tuple(emails)) for team_id, emails in found.items()}
    return told | {team_id: last for team_id in ids - found.keys() if last}


def reply_to(team_ids: Iterable[int | None], *, reader: str = "") -> str:
    """Return the addresses for Reply-To: CONTACT_EMAIL, else the leads of the teams, else the first of OPERATOR_EMAILS; "" for none.

    Nobody is asked to answer to themselves: `reader` is left out.
    """
    if settings.CONTACT_EMAIL:
        return str(settings.CONTACT_EMAIL)
    of_teams = (
        Membership.objects.leads()
        .filter(team__in={pk for pk in team_ids if pk is not None})
        .exclude(user__email=reader)
    )
    found = list(dict.fromkeys(of_teams.order_by("user__email").values_list("user__email", flat=True)))
    return ", ".join(found[:MOST] or [email for email in settings.OPERATOR_EMAILS if email != reader][:1])
