"""The mails of this app, and of people and log-ins, which are below it: written into the outbox in the transaction of their cause.

That a mail does not arrive is told to whoever had somebody asked by it (by a client link, an invitation), since nobody else could know, and
to operators, of addresses that were parked: one mail for those of an hour, however many there are.
"""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications import outbox
from notifications.models import Message
from notifications.outbox import (
    Mail,
    NotWanted,
    Reader,
    compose_mail,
    reader_of,
    register_kind,
    without_link,
)
from ui import addresses, dates
from ui.text import first_name, join_names
from users.login import passwords
from users.login.services import ChangeKind, LoginChange
from users.models import Invitation, RefusedAddress, User
from users.people.queries import names_for, operators
from users.sessions.models import name_of_browser
from users.signals import invitation_issued, login_changed, password_reset_requested

NOT_ARRIVED = "not_arrived"
GATHER = timedelta(minutes=1)  # bounces of one cause come together
QUIET = timedelta(hours=1)  # between two mails to operators
SHOWN = 20
DOMAINS = 5


def tell_person(*, about: Message, to: User, now: datetime, page: str = "", page_id: int = 0) -> None:
    """Write to a person, in the caller's transaction, that a mail in their name failed; once, however often it is sent again.

    `page` names the page that helps, of `page_id`; "": none. What it says is the same for every kind of mail: whether an address has a
    log-in here is not told to whoever asks it.
    """
    outbox.enqueue(
        kind=NOT_ARRIVED,
        recipient=to.email,
        dedupe_key=f"{NOT_ARRIVED}:{about.pk}:{to.pk}",
        payload={"message": about.pk, "user": to.pk, "page": page, "of": page_id},
        now=now,
    )


@transaction.atomic
def tell_operators(now: datetime) -> int:
    """Write one message to each operator about addresses of which none were told. Returns how many messages."""
    parked = RefusedAddress.objects
    oldest = parked.filter(told_at=None).order_by("since").values_list("since", flat=True).first()
    if oldest is None or oldest > now - GATHER or parked.filter(told_at__gt=now - QUIET).exists():
        return 0
    parked.filter(told_at=None).update(told_at=now)
    return sum(
        outbox.enqueue(
            kind=NOT_ARRIVED,
            recipient=address,
            dedupe_key=f"{NOT_ARRIVED}:{now.isoformat()}:{address}",
            payload={"told_at": now.isoformat()},
            now=now,
        )
        for address in operators()
    )


def build_unarrived(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where all addresses were released.

    Of one mail: where that was sent again since, is gone, or the person can no longer log in.
    """
    reader = reader_of(message)
    facts = _parked(message) if "told_at" in message.payload else _of_one(message, reader)
    return compose_mail(NOT_ARRIVED, message, reader, facts)


def _of_one(message: Message, reader: Reader) -> dict[str, object]:
    said = message.payload
    if reader.user is None or reader.user.pk != said["user"]:
        raise NotWanted("person_left")
    about = Message.objects.filter(pk=said["message"]).first()
    if about is None or not about.is_unarrived:
        raise NotWanted("sent_again")
    return {
        "email": about.recipient,
        "first_name": first_name(str(reader.user)),
        "at": dates.moment(about.created_at, zone=reader.zone).full,
        "what": about.subject,
        "url": addresses.absolute_url(said["page"], said["of"]) if said["page"] else "",
    }


def _parked(message: Message) -> dict[str, object]:
    told_at = datetime.fromisoformat(message.payload["told_at"])
    rows = list(RefusedAddress.objects.filter(told_at=told_at).order_by("email"))
    if not rows:
        raise NotWanted("addresses_released")
    domains = Counter(row.email.rpartition("@")[2] for row in rows).most_common(DOMAINS)
    return {
        "count": len(rows),
        "domains": ", ".join(f"{domain} ({number})" for domain, number in domains),
        "shown": [
            {"email": row.email, "why": row.get_why_display(), "said": row.said} for row in rows[:SHOWN]
        ],
        "more": max(0, len(rows) - SHOWN),
        "url": addresses.absolute_url("admin:users_refusedaddress_changelist"),
    }


# --- the mail of an invitation, whose link is made while it is sent

INVITATION = "invite"


def enqueue_invitation(*, invitation: Invitation, now: datetime, **_kwargs: Any) -> None:
    """Write the message in the transaction of its cause, once per number."""
    outbox.enqueue(
        kind=INVITATION,
        recipient=invitation.email,
        dedupe_key=f"invite:{invitation.pk}:{invitation.number}",
        now=now,
        team=invitation.team if len(invitation.team_names) == 1 else None,
        payload={"invitation": invitation.pk, "number": invitation.number},
    )


def build_invitation(message: Message) -> Mail:
    """Return the mail with its link. Raises NotWanted when the invitation was answered, taken back or sent again."""
    invitation = _invitation_of(message)
    number = invitation.number  # each counts its own mails
    if invitation.revoked_at is not None:  # the mail stands for others, too
        invitation = invitation.mailed_together().first() or invitation
    if not invitation.is_open(timezone.now()):
        raise NotWanted("invitation_over")
    if number != message.payload["number"]:
        raise NotWanted("invitation_sent_again")
    link = invitation.make_link()
    return without_link(_compose_invitation(message, invitation, link), link)


def record_end_of_invitation(message: Message) -> None:
    """Tell whoever invited that the mail did not arrive, in the transaction that records it; also where it had expired when our own mail
    server was back."""
    if not message.is_unarrived:
        return
    found = Invitation.objects.select_related("invited_by")
    invitation = found.filter(pk=message.payload["invitation"], accepted_at=None).first()
    if invitation is not None and invitation.revoked_at is not None:  # the mail stood for others, too
        invitation = invitation.mailed_together().select_related("invited_by").first()
    if invitation is None or invitation.invited_by is None or not invitation.invited_by.is_active:
        return
    now = timezone.now()
    if message.has_failed or invitation.expires_at <= now:
        tell_person(about=message, to=invitation.invited_by, now=now)


def _invitation_of(message: Message) -> Invitation:
    found = Invitation.objects.select_related("team", "invited_by", "user")
    invitation = found.filter(pk=message.payload["invitation"]).first()
    if invitation is None:
        raise NotWanted("invitation_gone")
    return invitation


def _compose_invitation(message: Message, invitation: Invitation, link: str) -> Mail:
    reader = Reader(None)
    teams = invitation.team_names
    facts = {
        "inviter": invitation.inviter,
        "name": invitation.name,
        "team": join_names(teams),
        "teams": len(teams),
        "until": dates.moment(invitation.expires_at, zone=reader.zone).full,
        "link": link,
        "why_url": "",  # the reader may have no log-in yet
    }
    return compose_mail("invitation", message, reader, facts, reply_to=invitation.answers_reach)


# --- the mails that guard a log-in, whose links are made while they are sent; the row keeps ids, and from where a change was made

RESET = "password_reset"
CHANGED = "login_changed"


def enqueue_reset(*, email: str, now: datetime, **_kwargs: Any) -> None:
    """Write the message with the link, once per address and minute, whether or not anybody has the address."""
    outbox.enqueue(
        kind=RESET, recipient=email, dedupe_key=f"reset:{now.astimezone(UTC):%Y%m%d%H%M}:{email}", now=now
    )


def enqueue_change(*, change: LoginChange, now: datetime, **_kwargs: Any) -> None:
    """Write the message about one change, in its transaction."""
    outbox.enqueue(
        kind=CHANGED,
        recipient=change.recipient,
        dedupe_key=f"login:{uuid.uuid4()}",
        now=now,
        payload={
            "change": change.kind,
            "user": change.user.pk,
            "by": change.by.pk if change.by else None,
            "address": change.address,
            "browser": change.browser,
            "old_email": change.old_email,
            "new_email": change.new_email,
        },
    )


def build_reset(message: Message) -> Mail:
    """Return the mail with its link. Raises NotWanted where nobody logs in with this address."""
    user = passwords.person_of(message.recipient)
    if user is None:
        raise NotWanted("nobody_logs_in")
    link = passwords.reset_link(user)
    facts = {"name": user.name, "link": link, "why_url": ""}  # whoever reads it may not be able to log in
    return without_link(compose_mail(RESET, message, Reader(user), facts), link)


def build_change(message: Message) -> Mail:
    """Return the mail about a change. Raises NotWanted where the person was deleted."""
    payload = message.payload
    user = User.objects.filter(pk=payload["user"]).first()
    if user is None:
        raise NotWanted("person_deleted")
    may_reset = _can_reset(user, message)
    facts = {
        "what": f"mail/login/{ChangeKind(payload['change'])}.txt",
        "by_staff": payload["by"] is not None,
        "by_name": _actor(payload["by"], user),
        "to_old": payload["old_email"] == message.recipient,
        "old_email": payload["old_email"],
        "new_email": payload["new_email"],
        "login": user.email,
        "recipient": message.recipient,
        "when": dates.moment(message.created_at, zone=user.zone).full,
        "address": payload["address"],
        "browser": name_of_browser(payload["browser"]),
        "rest_url": addresses.absolute_url("account_reset_password") if may_reset else "",
        "why_url": addresses.absolute_url("why_message", message.pk) if may_reset else "",
    }
    if facts["by_staff"]:
        facts["rest_url"] = ""  # who did it is asked
    return compose_mail("login", message, Reader(user), facts)


def _actor(by: int | None, reader: User) -> str:
    """Return who of staff did it, where the reader may know them by name; else ""."""
    actor = User.objects.filter(pk=by).first() if by is not None else None
    name = names_for(reader).user(actor)
    return name if actor is not None and name == str(actor) else ""


def _can_reset(user: User, message: Message) -> bool:
    """Return whether the reader can answer an unwanted change by setting a new password."""
    return user.is_active and message.recipient == user.email


def register_mails() -> None:
    """Say how the mails are built, and connect the signals that have them written."""
    register_kind(NOT_ARRIVED, build_unarrived, name=_("A mail did not arrive"))
    register_kind(
        INVITATION,
        build_invitation,
        name=_("Invitation"),
        to_parked=True,
        of_address=True,
        ended=record_end_of_invitation,
    )
    register_kind(RESET, build_reset, name=_("Password reset"), to_parked=True, of_address=True)
    register_kind(CHANGED, build_change, name=_("Change of a log-in"), to_parked=True, of_address=True)
    invitation_issued.connect(enqueue_invitation, Invitation, dispatch_uid="notifications.invitation_mails")
    password_reset_requested.connect(enqueue_reset, User, dispatch_uid="notifications.reset")
    login_changed.connect(enqueue_change, User, dispatch_uid="notifications.login_changed")
