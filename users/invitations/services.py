"""Inviting people by mail: create, send again, revoke, accept. Every action leaves one log entry."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core import signing
from django.db import IntegrityError, transaction

from ui import errors as refusal
from ui import stored_phrases as kept
from ui.phrases import phrase
from users.addresses import services as refused_addresses
from users.installation import hold
from users.invitations.models import SALT, InvitationQuerySet
from users.models import Invitation, Membership, Team, User
from users.people.models import Role
from users.people.services import give_role
from users.signals import invitation_issued

WORDS = "words/invitations.txt"
say = partial(phrase, WORDS)


class InvitationError(refusal.Refusal):
    """An invitation cannot be made or changed so. Its text is fit to be shown to staff."""


class InvitationRefusal(StrEnum):
    """Why a link is not taken."""

    UNKNOWN = "unknown"  # malformed, cut by a mail program, forged, or the invitation is gone
    USED = "used"
    ENDED = "ended"  # ran out or was revoked


class LinkRefused(Exception):  # noqa: N818  # it is an answer to the visitor, not one of our errors
    """The link opens nothing. `invitation` is None where the link names none."""

    def __init__(self, reason: InvitationRefusal, invitation: Invitation | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.invitation = invitation


def check_new(*, email: str, team: Team, invited_by: User, role: Role) -> None:
    """Raise InvitationError with the reason when this invitation cannot be made."""
    _check_reach(invited_by, team, role)
    known = User.objects.filter(email=email).first()
    if known and not known.is_active:
        raise InvitationError(say("switched_off", person=str(known)))
    if known and not known.is_contact and known.memberships.filter(team=team).exists():
        raise InvitationError(say("in_team_already", person=str(known), team=str(team)))
    if Invitation.objects.pending().filter(email=email, team=team).exists():
        raise InvitationError(say("invited_already", email=email, team=str(team)))


def create(
    *,
    email: str,
    team: Team,
    invited_by: User,
    now: datetime,
    name: str = "",
    role: Role = Role.MARKETER,
    mailed: bool = True,
    for_asks: bool = False,
) -> Invitation:
    """Invite a person and have the mail written in the same transaction.

    Somebody who has a log-in already joins by the link in the mail, as everybody else. Not `mailed`: the caller has one mail written about
    several invitations, by `mail_together`. `for_asks`: only so that the person can link the accounts that they are asked for.
    Raises InvitationError when the person is in the team, is switched off, or was invited and has not
    answered; when somebody who is not a superuser opens the portal to somebody; and when the team is not one of the inviter's, who is
    no administrator.
    """
    email = email.strip().lower()
    with transaction.atomic():
        team = Team.objects.select_for_update(no_key=True).get(pk=team.pk)  # two clicks make one invitation
        check_new(email=email, team=team, invited_by=invited_by, role=role)
        invitation = Invitation.objects.create(
            email=email,
            name=name.strip(),
            team=team,
            role=role,
            invited_by=invited_by,
            created_at=now,
            expires_at=now + timedelta(days=settings.INVITATION_DAYS),
            for_asks=for_asks,
        )
        facts = {"team": str(team), "role": kept.word(role.capitalize()), "staff": role != Role.MARKETER}
        text = kept.keep(WORDS, "log_invited", email=email, **facts)
        _log(invited_by, invitation, ADDITION, text)
        if mailed:
            _mail(invitation, now)
    return invitation


def mail_together(made: Sequence[Invitation], *, now: datetime) -> None:
    """Have one mail written about invitations of one address that were made, or made anew, at this moment: its link takes all of them."""
    first = Invitation.objects.filter(pk__in=[one.pk for one in made]).order_by("pk").first()
    if first is not None:
        _mail(first, now)


def send_again(*, invitation: Invitation, by: User, now: datetime, mailed: bool = True) -> Invitation:
    """Mail the invitation again, with those that its mail stands for; their days start again.

    Raises InvitationError as `create` does, and when it is used or revoked. `mailed` as there.
    """
    with transaction.atomic():
        _lock_all_of(invitation.email)
        row = _locked_pending(invitation.pk)
        _check_reach(by, row.team, row.gives)
        until = now + timedelta(days=settings.INVITATION_DAYS)
        if row.expires_at == until:  # by this very press, with another one
            return row
        together = [one for one in row.mailed_together() if one.pk != row.pk and _may_reach(by, one)]
        for one in (row, *together):
            one.number += 1
            one.expires_at = until
            one.save(update_fields=["number", "expires_at"])
            _log(by, one, CHANGE, kept.keep(WORDS, "log_sent_again", number=one.number))
        if mailed:
            _mail(row, now)
    return row


def revoke(*, invitation: Invitation, by: User, now: datetime) -> None:
    """Make the mailed links worthless. Raises InvitationError when it is used or revoked already, or not the person's to revoke."""
    with transaction.atomic():
        row = _locked_pending(invitation.pk)
        _check_reach(by, row.team, row.gives)
        revoke_these(Invitation.objects.filter(pk=row.pk), by=by, now=now)


def revoke_sent_by(person: User, *, by: User, now: datetime) -> int:
    """Make all invitations worthless that a person sent who is locked out, in the caller's transaction. Returns how many.

    Of whatever team: one that was sent to an own address on the last day would let the person in again.
    """
    return revoke_these(Invitation.objects.open(now).filter(invited_by=person).order_by("pk"), by=by, now=now)


def revoke_these(made: InvitationQuerySet, *, by: User, now: datetime) -> int:
    """Make these invitations worthless that nobody has answered, in the caller's transaction, which has asked who may. Returns how many."""
    pending = made.pending().order_by("pk")
    rows = list(pending.select_for_update(no_key=True))
    for row in rows:
        row.revoked_at = now
        row.save(update_fields=["revoked_at"])
        _log(by, row, CHANGE, kept.keep(WORDS, "log_revoked"))
    return len(rows)


def open_link(*, signed: str, now: datetime) -> Invitation:
    """Return the invitation that the link opens, and change nothing. Raises LinkRefused."""
    try:
        key = signing.loads(signed, salt=SALT)
    except signing.BadSignature:
        raise LinkRefused(InvitationRefusal.UNKNOWN) from None
    invitation = Invitation.objects.select_related("team", "invited_by").filter(key=key).first()
    if invitation is None:
        raise LinkRefused(InvitationRefusal.UNKNOWN)
    if invitation.revoked_at is not None:  # the mail stands for others, too
        invitation = invitation.mailed_together().first() or invitation
    _check_open(invitation, now)
    try:
        signing.loads(signed, salt=SALT, max_age=timedelta(days=settings.INVITATION_DAYS))
    except signing.SignatureExpired:
        raise LinkRefused(
            InvitationRefusal.ENDED, invitation
        ) from None  # an older mail of one that was sent again
    return invitation


def accept(*, invitation: Invitation, name: str, password: str | None, now: datetime) -> User:
    """Make the person, the memberships and the verified e-mail row. Raises LinkRefused when somebody was faster.

    No password: the person comes by the company's log-in.
    """
    with transaction.atomic():
        _lock_all_of(invitation.email)
        row = _locked_open(invitation, now)
        try:
            with transaction.atomic():
                user = _contact_comes_in(row, name, password) or User.objects.create_user(
                    row.email, password, name=name.strip()
                )
        except IntegrityError:  # the person came in by another invitation meanwhile
            raise LinkRefused(InvitationRefusal.USED, row) from None
        _accept(row, user, now)
    return user


def _contact_comes_in(row: Invitation, name: str, password: str | None) -> User | None:
    """Make a marketer of the contact with this address, who keeps the own log-ins; None where there is no such contact.

    The contact's other teams go: nothing shows that the address's reader, and not whoever made a client link, used it.
    """
    contacts = User.objects.select_for_update(no_key=True).filter(
        email=row.email, is_contact=True, is_active=True
    )
    user = contacts.first()
    if user is not None:
        user.name, user.is_contact = name.strip(), False
        user.set_password(password)
        user.save(update_fields=["name", "is_contact", "password"])
        user.memberships.exclude(team__in=row.mailed_together().values("team")).delete()
    return user


def join(*, invitation: Invitation, user: User, now: datetime) -> None:
    """Add a person who has a log-in already to the teams. Raises LinkRefused, also for another person's invitation."""
    with transaction.atomic():
        _lock_all_of(invitation.email)
        row = _locked_open(invitation, now)
        if user.email != row.email or not user.is_active:
            raise LinkRefused(InvitationRefusal.UNKNOWN, row)
        _accept(row, user, now)


def _may_reach(by: User, invitation: Invitation) -> bool:
    try:
        _check_reach(by, invitation.team, invitation.gives)
    except InvitationError:
        return False
    return True


def _lock_all_of(email: str) -> None:
    """Lock what waits for an answer of this address, in one order: two links of one mail, or a press meanwhile, wait for each other."""
    pending = Invitation.objects.pending().filter(email=email).order_by("pk")
    list(pending.select_for_update(no_key=True).values_list("pk"))


def _check_reach(by: User, team: Team, role: Role) -> None:
    if role != Role.MARKETER and not by.is_superuser:
        raise InvitationError(say("superusers_only"))
    if not by.teams_managed.filter(pk=team.pk).exists():
        raise InvitationError(say("own_teams_only"))


def _check_open(invitation: Invitation, now: datetime) -> None:
    if invitation.accepted_at is not None:
        raise LinkRefused(InvitationRefusal.USED, invitation)
    if not invitation.is_open(now):
        raise LinkRefused(InvitationRefusal.ENDED, invitation)


def _locked_pending(pk: int) -> Invitation:
    row = Invitation.objects.select_for_update(no_key=True).get(pk=pk)
    if row.accepted_at is not None:
        raise InvitationError(say("accepted_already"))
    if row.revoked_at is not None:
        raise InvitationError(say("revoked_already"))
    return row


def _locked_open(invitation: Invitation, now: datetime) -> Invitation:
    row = Invitation.objects.select_for_update(no_key=True).get(pk=invitation.pk)
    _check_open(row, now)
    return row


def _accept(row: Invitation, user: User, now: datetime) -> None:
    for one in [row, *row.mailed_together().exclude(pk=row.pk)]:
        # What the company's groups gave is the invitation's from then on.
        Membership.objects.update_or_create(team=one.team, user=user, defaults={"from_groups": False})
        give_role(user, one.gives)
        one.accepted_at, one.user = now, user
        one.save(update_fields=["accepted_at", "user"])
        _log(user, one, CHANGE, kept.keep(WORDS, "log_accepted"))
    refused_addresses.release_addresses([row.email], now=now, confirmed=True)  # the link was in the mail


def _mail(invitation: Invitation, now: datetime) -> None:
    hold.refuse()
    invitation_issued.send(sender=Invitation, invitation=invitation, now=now)


def _log(by: User, invitation: Invitation, flag: int, text: str) -> None:
    LogEntry.objects.log_actions(by.pk, [invitation], flag, text, single_object=True)
