"""Who is told where nobody else can be: the leads of the account's team, else the operators; and who receives the answers to mails.

The one place of this rule; the rules of macros, which are pure, say it of what they were given.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.addresses import services as refused_addresses
from users.models import Membership, User
from users.people.models import ADMINISTRATORS_GROUP


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


def leads() -> models.QuerySet[Membership]:
    """Return the memberships of team leads who can log in."""
    return Membership.objects.filter(role=Membership.Role.TEAM_LEAD, user__is_active=True)


def who_log_in(addresses: Iterable[str]) -> frozenset[str]:
    """Return those of these addresses that somebody logs in with: a person gets one mail of all teams, others one for each."""
    people = User.objects.filter(is_active=True, email__in=set(addresses))
    return frozenset(people.values_list("email", flat=True))


def members() -> models.QuerySet[Membership]:
    """Return the memberships of people who log in here. A contact is in a team for the own log-ins alone, and hears of no others."""
    return Membership.objects.filter(user__is_active=True, user__is_contact=False)


def reachable_leads() -> models.QuerySet[Membership]:
    """Return those of them whom mail reaches."""
    return leads().exclude(user__email__in=refused_addresses.parked_addresses())


def reachable_operators() -> list[str]:
    """Return the operators whose mail servers do not refuse them. All of them are mailed all the same: nobody comes after them."""
    to = operators()
    refused = refused_addresses.parked_among(to)
    return [address for address in to if address not in refused]


def fallback(team_ids: Iterable[int]) -> dict[int, Fallback]:
    """Return for each team who is told where nobody else can be. Two queries, however many teams."""
    ids = set(team_ids)
    found: dict[int, list[str]] = {}
    for team_id, email in (
        reachable_leads().filter(team__in=ids).order_by("user__email").values_list("team", "user__email")
    ):
        found.setdefault(team_id, []).append(email)
    last = Fallback(Via.OPERATOR, tuple(operators())) if ids - found.keys() else None
    told = {team_id: Fallback(Via.TEAM_LEAD, tuple(emails)) for team_id, emails in found.items()}
    return told | {team_id: last for team_id in ids - found.keys() if last}


def reply_to(team_ids: Iterable[int | None], *, reader: str = "") -> str:
    """Return the addresses for Reply-To: CONTACT_EMAIL, else the leads of the teams, else the first of OPERATOR_EMAILS; "" for none.

    Nobody is asked to answer to themselves: `reader` is left out.
    """
    if settings.CONTACT_EMAIL:
        return str(settings.CONTACT_EMAIL)
    of_teams = leads().filter(team__in={pk for pk in team_ids if pk is not None}).exclude(user__email=reader)
    found = list(dict.fromkeys(of_teams.order_by("user__email").values_list("user__email", flat=True)))
    return ", ".join(found[:MOST] or [email for email in settings.OPERATOR_EMAILS if email != reader][:1])
