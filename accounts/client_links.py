"""Client links: made by a person of a team, used once by somebody without an account here, who is a contact afterwards.

The address that the maker gave stands for the person: the mail goes there, and whoever makes a link vouches for it, as for an invitation
(docs/decisions/0078-client-links.md). A link never acts for somebody who can log in.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core import signing
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from accounts import client_link_news
from accounts.client_link_news import MAIL
from accounts.models import Account, ClientLink
from notifications import outbox
from tokens.models import Token
from ui import kept
from ui.phrases import phrase
from ui.refusal import Refusal
from users import hold, roles, visibility
from users.models import Invitation, Membership, Team, User

VALID_FOR = timedelta(days=7)
LONGEST = timedelta(days=30)
MOST_OPEN = 200  # links of one maker that are open at a time
UNUSED_FOR = timedelta(days=1)  # a contact without a log-in is not swept before
SWEPT = 1_000  # contacts at once
_LOCK = 7_405  # any number: the class of our advisory locks by maker
_SALT = "accounts.client_link"
WORDS = "words/client_links.txt"
say = partial(phrase, WORDS)


class ClientLinkRefused(Refusal):
    """A link cannot be made or changed so. Its text is fit for the person."""


class State(StrEnum):
    """How a link stands."""

    OPEN = "open"
    STARTED = "started"  # used for some of its channels
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


def state(link: ClientLink, now: datetime) -> State:
    """Return how a link stands."""
    if link.used_at is not None:
        return State.USED
    if link.revoked_at is not None:
        return State.REVOKED
    if link.expires_at <= now:
        return State.EXPIRED
    return State.STARTED if link.used else State.OPEN


def may_see(user: User) -> bool:
    """Return whether a person may see how links stand: whoever may make some, and auditors, without what opens one."""
    return user.is_active and not user.is_contact


def may_make(user: User) -> bool:
    """Return whether a person may make links: everybody who links accounts, so no auditor and no contact."""
    return may_see(user) and not roles.only_looks(user)


def teams_of(user: User) -> QuerySet[Team]:
    """Return the teams for which the person may make links."""
    return visibility.teams_of(user).order_by("name")


def seen_by(user: User) -> QuerySet[ClientLink]:
    """Return the links that the person sees: those they made, and, for staff, all of the teams whose people they manage."""
    own = Q(made_by=user, team__in=teams_of(user).values("pk"))
    of_teams = Q(team__in=teams_of(user).values("pk")) if user.is_staff else Q(pk__in=[])
    return ClientLink.objects.filter(own | of_teams).select_related("team", "made_by", "contact")


@transaction.atomic
def make(
    *,
    email: str,
    name: str,
    team: Team,
    channels: Sequence[str],
    made_by: User,
    now: datetime,
    accounts: Collection[Account] = (),
    asked_for: Sequence[dict[str, str]] = (),
    note: str = "",
    valid_for: timedelta = VALID_FOR,
    mailed: bool = True,
) -> ClientLink:
    """Make a link and have it mailed, with one log entry. `accounts` and `asked_for`: the only ones that may be linked by it.

    Not `mailed`: the caller has one mail written about several links, by `mail_together`.

    Raises ClientLinkRefused where the person may not make it, where too many of theirs are open, and OnHold.
    """
    hold.refuse()
    if not may_make(made_by) or not teams_of(made_by).filter(pk=team.pk).exists():
        raise ClientLinkRefused(say("own_teams_only"))
    if not channels:
        raise ClientLinkRefused(say("no_channel"))
    _one_at_a_time(made_by)
    demand_room(made_by, now)
    link = ClientLink.objects.create(
        team=team,
        channels=list(dict.fromkeys(channels)),
        asked_for=[*_bound(accounts), *asked_for],
        email=email.strip().lower(),
        name=name.strip(),
        note=note.strip(),
        made_by=made_by,
        created_at=now,
        expires_at=now + min(valid_for, LONGEST),
    )
    _log(made_by, link, ADDITION, kept.keep(WORDS, "log_made", email=link.email, team=str(team)))
    if mailed:
        mail_together([link], now=now)
    return link


@transaction.atomic
def ask_for_more(*, link: ClientLink, accounts: Collection[Account]) -> ClientLink:
    """Have a link that nobody was mailed yet ask for these accounts, too. Returns it."""
    row = ClientLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    row.asked_for = [*row.asked_for, *_bound(accounts)]
    row.channels = sorted({*row.channels, *(account.channel for account in accounts)})
    row.save(update_fields=["asked_for", "channels"])
    return row


def bound(now: datetime) -> QuerySet[ClientLink]:
    """Return the open links that are for certain ad accounts."""
    waiting = ClientLink.objects.filter(used_at=None, revoked_at=None, expires_at__gt=now)
    return waiting.exclude(asked_for=[])


@transaction.atomic
def ask_for_less(
    *, link: ClientLink, gone: Collection[tuple[str, str]], by: User, now: datetime
) -> ClientLink:
    """Take ad accounts (channels and native ids) out of what a link asks for. Returns it, revoked where it asks for nothing else.

    A channel of which no account is left is asked for no longer: without one it would be for any.
    """
    row = ClientLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    row.asked_for = [one for one in row.asked_for if (one["channel"], one["native_id"]) not in gone]
    asked = {one["channel"] for one in row.asked_for}
    row.channels = [one for one in row.channels if one in asked or one in row.used]
    if not row.left and row.used_at is None and row.revoked_at is None:
        row.used_at, row.revoked_at = (now, None) if row.used else (None, now)
        if row.revoked_at is not None:
            _log(by, row, CHANGE, kept.keep(WORDS, "log_revoked"))
    row.save(update_fields=["asked_for", "channels", "used_at", "revoked_at"])
    return row


def _bound(accounts: Collection[Account]) -> list[dict[str, str]]:
    return [{"channel": one.channel, "native_id": one.native_id, "name": one.name} for one in accounts]


def mail_together(links: Sequence[ClientLink], *, now: datetime) -> None:
    """Write one mail about links of one address, in the caller's transaction: one a team, for a link never leaves its own.

    None to somebody who was switched off; whoever made the links reads the same then.
    """
    if not links or User.objects.filter(email=links[0].email, is_active=False).exists():
        return
    first, *others = sorted(links, key=lambda one: one.pk)
    outbox.enqueue(
        kind=MAIL,
        recipient=first.email,
        dedupe_key=f"client_link:{first.pk}",
        team=None if others else first.team,
        payload={"client_link": first.pk, "others": [one.pk for one in others]},
        now=now,
    )


def demand_room(maker: User, now: datetime) -> None:
    """Raise ClientLinkRefused where a person has as many open links as there may be."""
    waiting = ClientLink.objects.filter(made_by=maker, used_at=None, revoked_at=None, expires_at__gt=now)
    if waiting.count() >= MOST_OPEN:
        raise ClientLinkRefused(say("too_many", n=MOST_OPEN))


def _one_at_a_time(maker: User) -> None:
    """Have two presses of a person count one after the other, in the caller's transaction.

    By an advisory lock, and not the person's row: a consent locks that row before accounts, and here they are held already.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, hashint8(%s))", [_LOCK, maker.pk])


def address_of(link: ClientLink) -> str:
    """Return the address that opens a link. A secret: for its mail and for who may see the link; never stored."""
    return f"{settings.BASE_URL}{path_of(link)}"


def path_of(link: ClientLink) -> str:
    """Return the same as a path."""
    return reverse("client_link", args=[signing.Signer(salt=_SALT).sign(link.key)])


def open_signed(signed: str) -> ClientLink | None:
    """Return the link of an address, open or not; None where it is cut or forged, or went with its team."""
    key = _key_of(signed)
    if key is None:
        return None
    return ClientLink.objects.select_related("team", "made_by", "contact").filter(key=key).first()


def is_whole(signed: str) -> bool:
    """Return whether we signed an address, so that it is neither cut nor forged; its link may be gone."""
    return _key_of(signed) is not None


def _key_of(signed: str) -> str | None:
    try:
        return signing.Signer(salt=_SALT).unsign(signed)
    except signing.BadSignature:
        return None


def barred_by(link: ClientLink, now: datetime) -> User | Invitation | None:
    """Return who has the address of a link, where it acts for them no more: who can log in, and so must, or was switched off.

    Of somebody who is nobody here yet, the invitation of another team that waits: they are to come in by that alone.
    """
    known = User.objects.filter(email=link.email).first()
    if known is not None:
        return None if known.is_contact and known.is_active else known
    invited = Invitation.objects.filter(email=link.email, accepted_at=None, revoked_at=None)
    return invited.filter(expires_at__gt=now).exclude(team=link.team).first()


@transaction.atomic
def revoke(*, link: ClientLink, by: User, now: datetime) -> None:
    """Make a link worthless. Raises ClientLinkRefused where it is used or revoked already, or not the person's to revoke."""
    row = ClientLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    if not seen_by(by).filter(pk=row.pk).exists() or roles.only_looks(by):
        raise ClientLinkRefused(say("own_teams_only"))
    if row.used_at is not None or row.revoked_at is not None:
        raise ClientLinkRefused(say("over_already"))
    row.revoked_at = now
    row.save(update_fields=["revoked_at"])
    _log(by, row, CHANGE, kept.keep(WORDS, "log_revoked"))


def note_opened(link: ClientLink, now: datetime) -> None:
    """Note that somebody went on to a channel by it."""
    ClientLink.objects.filter(pk=link.pk, opened_at=None).update(opened_at=now)


def demand_contact(link: ClientLink, now: datetime) -> None:
    """Raise ClientLinkRefused where a link acts for its address no more, see `barred_by`."""
    if barred_by(link, now) is not None:
        raise ClientLinkRefused(say("not_a_contact"))


@transaction.atomic
def contact_of(link: ClientLink) -> User:
    """Return the contact whom a link makes, in its team; one contact for an address, and for all channels of a link.

    Raises ClientLinkRefused as `demand_contact` does, and where the link is gone.
    """
    row = (
        ClientLink.objects.select_for_update(no_key=True, of=("self",))
        .select_related("contact")
        .filter(pk=link.pk)
        .first()
    )
    if row is None:  # its team was deleted meanwhile
        raise ClientLinkRefused(say("not_a_contact"))
    user = row.contact
    if user is None:
        user, _ = User.objects.get_or_create(
            email=row.email, defaults={"name": row.name, "is_contact": True, "password": "!"}
        )
    if not user.is_contact or not user.is_active:
        raise ClientLinkRefused(say("not_a_contact"))
    Membership.objects.get_or_create(team=row.team, user=user)
    row.contact = user
    row.save(update_fields=["contact"])
    return user


def join(*, link: ClientLink, user: User) -> None:
    """Have a contact who is known here already join the team of the link they use. Whoever can log in joins by an invitation alone."""
    if not user.is_contact:
        return
    Membership.objects.get_or_create(team=link.team, user=user)
    if user.email == link.email:
        ClientLink.objects.filter(pk=link.pk, contact=None).update(contact=user)


@transaction.atomic
def drop_contact(*, email: str, made_since: datetime) -> bool:
    """Delete a contact who has given nothing: made since then, without a log-in. Returns whether one was deleted.

    For a consent that could not be kept, and for whoever turned back: a person in a list who gave no access is nobody.
    """
    found = User.objects.select_for_update().filter(email=email, is_contact=True, date_joined__gte=made_since)
    user = found.first()
    if user is None or user.tokens.exists():
        return False
    user.delete()
    return True


def sweep(*, now: datetime) -> int:
    """Delete the contacts of links that are over and gave nothing. Returns how many."""
    links = ClientLink.objects.filter(contact=OuterRef("pk"))
    waits = links.filter(used_at=None, revoked_at=None, expires_at__gt=now)
    idle = User.objects.filter(Exists(links), is_contact=True, tokens=None, date_joined__lt=now - UNUSED_FOR)
    idle = idle.exclude(Exists(waits)).exclude(Exists(links.exclude(used={})))
    rows = list(idle.values_list("email", "date_joined")[:SWEPT])
    return sum(drop_contact(email=email, made_since=joined) for email, joined in rows)


@transaction.atomic
def note_used(
    *, link: ClientLink, channel: str, accounts: Sequence[Account], log_in: Token, now: datetime
) -> None:
    """Note in the caller's transaction what was linked by it, and have somebody told. Raises ClientLinkRefused where it is over."""
    row = ClientLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    if not row.is_open(now) or channel not in row.left:
        raise ClientLinkRefused(say("over_already"))
    row.used = {**row.used, channel: [account.pk for account in accounts]}
    row.used_at = None if row.left else now
    row.save(update_fields=["used", "used_at"])
    client_link_news.tell_used(row, channel=channel, log_in=log_in.pk, now=now)


def _log(by: User, link: ClientLink, flag: int, text: str) -> None:
    LogEntry.objects.log_actions(by.pk, [link], flag, text, single_object=True)
