"""The mail of an invitation, written into the outbox by a signal of users; its link is made while it is sent."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.mails import unarrived_mails
from notifications.models import Message
from notifications.outbox import composing, kinds
from notifications.outbox import services as outbox
from notifications.outbox.kinds import Mail, NotWanted
from ui import dates
from ui.text import join_names
from users.invitations import services as invitations
from users.models import Invitation
from users.signals import invitation_issued

KIND = "invite"


def enqueue(*, invitation: Invitation, now: datetime, **_kwargs: Any) -> None:
    """Write the message in the transaction of its cause, once per number."""
    outbox.enqueue(
        kind=KIND,
        recipient=invitation.email,
        dedupe_key=f"invite:{invitation.pk}:{invitation.number}",
        now=now,
        team=invitation.team if len(invitations.teams_of(invitation)) == 1 else None,
        payload={"invitation": invitation.pk, "number": invitation.number},
    )


def build_invitation(message: Message) -> Mail:
    """Return the mail with its link. Raises NotWanted when the invitation was answered, taken back or sent again."""
    invitation = _invitation_of(message)
    number = invitation.number  # each counts its own mails
    if invitation.revoked_at is not None:  # the mail stands for others, too
        invitation = invitations.mailed_with(invitation).first() or invitation
    if not invitation.is_open(timezone.now()):
        raise NotWanted("invitation_over")
    if number != message.payload["number"]:
        raise NotWanted("invitation_sent_again")
    link = invitations.invitation_link(invitation)
    return composing.without_link(_compose(message, invitation, link), link)


def note_ended(message: Message) -> None:
    """Tell whoever invited that the mail did not arrive, in the transaction that records it; also where it had expired when our own mail
    server was back."""
    if not message.is_unarrived:
        return
    found = Invitation.objects.select_related("invited_by")
    invitation = found.filter(pk=message.payload["invitation"], accepted_at=None).first()
    if invitation is not None and invitation.revoked_at is not None:  # the mail stood for others, too
        invitation = invitations.mailed_with(invitation).select_related("invited_by").first()
    if invitation is None or invitation.invited_by is None or not invitation.invited_by.is_active:
        return
    now = timezone.now()
    if message.state == Message.State.FAILED or invitation.expires_at <= now:
        unarrived_mails.tell_person(about=message, to=invitation.invited_by, now=now)


def register() -> None:
    """Connect the signal and say how the mail is built."""
    kinds.register(
        KIND, build_invitation, name=_("Invitation"), to_parked=True, of_address=True, ended=note_ended
    )
    invitation_issued.connect(enqueue, sender=Invitation, dispatch_uid="notifications.invitation_mails")


def _invitation_of(message: Message) -> Invitation:
    found = Invitation.objects.select_related("team", "invited_by", "user")
    invitation = found.filter(pk=message.payload["invitation"]).first()
    if invitation is None:
        raise NotWanted("invitation_gone")
    return invitation


def _inviter(invitation: Invitation) -> str:
    """Return whom an answer reaches: who invited, while that person can log in."""
    inviter = invitation.invited_by
    return inviter.email if inviter and inviter.is_active else ""


def _compose(message: Message, invitation: Invitation, link: str) -> Mail:
    reader = composing.Reader(None)
    teams = invitations.teams_of(invitation)
    facts = {
        "inviter": invitation.inviter,
        "name": invitation.name,
        "team": join_names(teams),
        "teams": len(teams),
        "until": dates.moment(invitation.expires_at, zone=reader.zone).full,
        "link": link,
        "why_url": "",  # the reader may have no log-in yet
    }
    return composing.compose("invitation", message, reader, facts, reply_to=_inviter(invitation))
