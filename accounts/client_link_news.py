"""What whoever made a client link hears of it: that it was used, and that its mail did not arrive. And who is told in their place."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import ClientLink
from notifications import outbox, unarrived_mails
from notifications.models import Message
from users import recipients, refused_addresses
from users.models import User

MAIL, USED_MAIL = "client_link", "client_link_used"


def tell_used(link: ClientLink, *, channel: str, log_in: int, now: datetime) -> None:
    """Have whoever made a link told, in the caller's transaction, that it was used at a channel, through the log-in of this id."""
    _tell_used(link, channel, log_in, link.answers_to, now)


def _tell_used(link: ClientLink, channel: str, log_in: int, maker: User | None, now: datetime) -> None:
    """Tell whoever made it; None: the leads of its team, else operators."""
    key = _key_of_use(link, channel)
    payload = {
        "client_link": link.pk,
        "channel": channel,
        "accounts": link.used[channel],
        "log_in": log_in,
    }
    told = {maker.email: key} if maker is not None else {}
    if not told:
        stand_in = recipients.fallback([link.team_id]).get(link.team_id)
        told = {address: f"{key}:{address}" for address in (stand_in.addresses if stand_in else ())}
    for address, dedupe_key in told.items():
        outbox.enqueue(
            kind=USED_MAIL,
            recipient=address,
            dedupe_key=dedupe_key,
            team=link.team,
            payload=payload,
            now=now,
        )


def is_for_maker(message: Message, link: ClientLink) -> bool:
    """Return whether the mail about a link's use is the one for whoever made it, and not for who stands in."""
    return message.dedupe_key == _key_of_use(link, message.payload["channel"])


def _key_of_use(link: ClientLink, channel: str) -> str:
    return f"client_link_used:{link.pk}:{channel}"


def note_used_told(message: Message) -> None:
    """Have the stand-ins told where mail does not reach whoever made a link, or that person left before the mail about its use went out."""
    said = message.payload
    link = ClientLink.objects.select_related("team", "made_by").filter(pk=said["client_link"]).first()
    if link is None or not is_for_maker(message, link):
        return
    maker = link.answers_to
    left = message.state == Message.State.CANCELLED and (maker is None or maker.email != message.recipient)
    unreached = message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient)
    if left or unreached:
        _tell_used(link, said["channel"], said.get("log_in", 0), None, timezone.now())


def note_mail_ended(message: Message) -> None:
    """Tell whoever made a link that its mail did not arrive, in the transaction that records it. Of several links it names the first."""
    now = timezone.now()
    if not unarrived_mails.is_unarrived(message):
        return
    for link in _links_of(message).select_related("team", "made_by").order_by("pk"):
        expired = link.expires_at <= now and link.used_at is None and link.revoked_at is None
        is_missed = link.is_open(now) if message.state == Message.State.FAILED else expired
        if is_missed and link.answers_to is not None:
            unarrived_mails.tell(
                about=message, to=link.answers_to, now=now, page="client_link_of", page_id=link.pk
            )
            return


def _links_of(message: Message) -> QuerySet[ClientLink]:
    ids = [message.payload["client_link"], *message.payload.get("others", ())]
    return ClientLink.objects.filter(pk__in=ids)


def unarrived(links: Collection[ClientLink]) -> set[int]:
    """Return the ids of those of these links whose mail did not arrive. One query, however many."""
    emails = {link.email for link in links}
    failed = Message.objects.filter(kind=MAIL, state=Message.State.FAILED, recipient__in=emails)
    about = {
        pk
        for said in failed.values_list("payload", flat=True)
        for pk in (said["client_link"], *said.get("others", ()))
    }
    return about & {link.pk for link in links}
