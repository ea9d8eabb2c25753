"""Who comes by the company's log-in: known people, invited ones, new ones; and the role and teams that their groups give."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import IntegrityError, transaction
from django.utils import timezone

from ui import stored_phrases as kept
from users.company.provider import Identity, NotLoggedIn, Trouble, logger
from users.invitations import services as invitations
from users.invitations.services import LinkRefused
from users.models import Invitation, Membership, Team, User
from users.people.models import Role
from users.people.services import set_role, widest

WORDS = "words/company.txt"


def person_for(identity: Identity, *, invitation_id: int | None = None) -> User:
    """Return whom an identity logs in, with what its groups give by now. Raises NotLoggedIn.

    The verified e-mail address is the one link between both sides, as it is between us and a mailed link. `invitation_id`: of the
    invitation that the person pressed.
    """
    email = identity.email
    if not email or not identity.verified:
        raise NotLoggedIn(Trouble.UNVERIFIED, email=email)
    with transaction.atomic():
        user = _known_or_new(identity, invitation_id)
        if user is not None and identity.groups is not None and settings.OIDC_GROUPS:
            _apply_groups(user, identity.groups)
    if user is None:
        raise NotLoggedIn(Trouble.UNKNOWN, email=email)
    if user.last_login is None and not user.is_staff and not user.memberships.exists():
        raise NotLoggedIn(Trouble.WAITING, email=email)
    return user


def _known_or_new(identity: Identity, invitation_id: int | None) -> User | None:
    user = User.objects.filter(email=identity.email).first()
    if user is not None and not user.is_active:
        raise NotLoggedIn(Trouble.SWITCHED_OFF, email=identity.email)
    known = user if user is not None and not user.is_contact else None
    invited = Invitation.objects.filter(pk=invitation_id or 0, email=identity.email).first()
    if invited is not None:
        with suppress(LinkRefused):  # it was used or revoked meanwhile
            known = _come_in(invited, known, identity)
    if known is None and user is None and settings.OIDC_NEW_PEOPLE:
        return _make(identity)
    return known


def _come_in(invited: Invitation, known: User | None, identity: Identity) -> User:
    now = timezone.now()
    if known is None:
        return invitations.accept(
            invitation=invited, name=identity.name or invited.name, password=None, now=now
        )
    invitations.join(invitation=invited, user=known, now=now)
    return known


def _make(identity: Identity) -> User:
    """Make a person without a role and a team, who gets no session before somebody gives one."""
    try:
        with transaction.atomic():
            return User.objects.create_user(identity.email, name=identity.name)
    except IntegrityError:  # in two windows at once
        return User.objects.get(email=identity.email)


def _apply_groups(user: User, groups: frozenset[str]) -> None:
    """Set the role and the teams that came by groups to what the groups give now; what staff gave stays."""
    given: list[dict[str, Any]] = [
        settings.OIDC_GROUPS[one] for one in sorted(groups & settings.OIDC_GROUPS.keys())
    ]
    changed = _apply_role(user, widest(Role(one["role"]) for one in given if "role" in one))
    names = {one["team"] for one in given if "team" in one}
    teams = list(Team.objects.filter(name__in=names))
    if missing := names - {team.name for team in teams}:
        logger.warning("company log-in: OIDC_GROUPS names teams that are not here: %s", sorted(missing))
    gone, _ = user.memberships.filter(from_groups=True).exclude(team__in=teams).delete()
    made = [
        Membership.objects.get_or_create(user=user, team=team, defaults={"from_groups": True})[1]
        for team in teams
    ]
    if changed or gone or any(made):
        facts = {
            "role": kept.word(user.role.capitalize()) if user.role else "–",
            "teams": ", ".join(sorted(names)) or "–",
        }
        LogEntry.objects.log_actions(
            user.pk, [user], CHANGE, kept.keep(WORDS, "log_groups", **facts), single_object=True
        )


def _apply_role(user: User, role: Role) -> bool:
    """Give the role, unless staff gave one. Returns whether it is another one."""
    if role == user.role or (user.role != Role.MARKETER and not user.role_from_groups):
        return False
    set_role(user, role, from_groups=role != Role.MARKETER)
    return True
