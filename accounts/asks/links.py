"""Client links: made by a person of a team, used once by somebody without an account here, who is a contact afterwards.

The address that the maker gave stands for the person: the mail goes there, and whoever makes a link vouches for it, as for an invitation
(docs/decisions/0078-client-links.md). A link never acts for somebody who can log in.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.api_keys.models import by_key
from accounts.asks.models import LINK_SALT, Ask, AskLine
from accounts.asks.services import ANSWER, ASK, begin_ask, end_asks, line_of, write_ask_mail
from accounts.models import Account, ApiKey
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, Reader, compose_mail, without_link
from tokens.channels import registry
from tokens.models import Token
from ui import dates
from ui import stored_phrases as kept
from ui.errors import Refusal
from ui.phrases import phrase
from ui.text import first_names, join_names
from users.installation import hold
from users.models import Membership, RefusedAddress, Team, User
from users.people.queries import fallback_readers

VALID_FOR = timedelta(days=7)
LONGEST = timedelta(days=30)
MOST_ASKED_FOR = 200  # ad accounts that a form or a call names by their ids
MOST_OPEN = 200  # links of one maker that are open at a time
Stage = AskLine.Stage
WORDS = "words/client_links.txt"
say = partial(phrase, WORDS)


class ClientLinkRefused(Refusal):
    """A link cannot be made or changed so. Its text is fit for the person."""


@transaction.atomic
def make_link(
    *,
    email: str,
    name: str,
    team: Team,
    channels: Sequence[str],
    made_by: User,
    now: datetime,
    accounts: Collection[Account] = (),
    asked_for: Sequence[tuple[str, str]] = (),
    note: str = "",
    valid_for: timedelta = VALID_FOR,
    mailed: bool = True,
    api_key: ApiKey | None = None,
    return_url: str = "",
) -> Ask:
    """Make a link and have it mailed, with one log entry. `accounts` and `asked_for` (channel, native id): the only ones that it links.

    Not `mailed`: the caller has one mail written about several links, by `mail_links`, or hands the address over. `api_key`: makes it in
    the person's name. `return_url`: where its last page leads.

    Raises ClientLinkRefused where the person may not make it, where too many of theirs are open, or where it would lead elsewhere than
    settings allow; and OnHold.
    """
    hold.refuse()
    if not made_by.may_make_links() or not made_by.teams_managed.filter(pk=team.pk).exists():
        raise ClientLinkRefused(say("own_teams_only"))
    if not channels:
        raise ClientLinkRefused(say("no_channel"))
    if return_url and not may_return_to(return_url):
        raise ClientLinkRefused(say("no_way_back"))
    demand_room_for_links(made_by, now)
    link = begin_ask(
        [*(line_of(one) for one in accounts), *(_line(team, *one) for one in asked_for)],
        what=Ask.What.LINK,
        key=secrets.token_urlsafe(16),
        team=team,
        channels=list(dict.fromkeys(channels)),
        email=email.strip().lower(),
        name=name.strip(),
        note=note.strip(),
        made_by=made_by,
        created_at=now,
        ends_at=now + min(valid_for, LONGEST),
        api_key=api_key,
        return_url=return_url,
    )
    said = kept.keep(WORDS, "log_made", email=link.email, team=str(team))
    if api_key is not None:
        said = kept.both(said, by_key(api_key.name))
    _log(made_by, link, ADDITION, said)
    if mailed:
        mail_links([link], now=now)
    return link


def may_return_to(url: str) -> bool:
    """Return whether a link may lead there: to an origin that ASK_RETURN_ORIGINS names, as the address spells it, and nowhere else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\<>\"'")
    return plain and f"{parts.scheme}://{parts.netloc}" in settings.ASK_RETURN_ORIGINS


def _line(team: Team, channel: str, native_id: str) -> AskLine:
    """Return the line for an ad account by its id; with the account, where the team has it."""
    account = Account.objects.filter(channel=channel, native_id=native_id, team=team).first()
    return AskLine(account=account, channel=channel, native_id=native_id)


def mail_links(links: Sequence[Ask], *, now: datetime) -> None:
    """Write one mail about links of one address, in the caller's transaction: one a team, for a link never leaves its own.

    None to somebody who was switched off; whoever made the links reads the same then.
    """
    if not links or User.objects.filter(email=links[0].email, is_active=False).exists():
        return
    ids = sorted(one.pk for one in links)
    team = links[0].team if len(links) == 1 else None
    write_ask_mail(ASK, to=links[0].email, key=str(ids[0]), now=now, team=team, asks=ids)


def build_link_mail(message: Message) -> Mail:
    """Build the mail about links of one address; their addresses are in the sent copy alone.

    Raises NotWanted where none of them is open, or their reader was switched off since.
    """
    now, reader = timezone.now(), Reader(None)
    asks = Ask.objects.client_links().open(now).filter(pk__in=message.payload["asks"])
    links = list(asks.order_by("team__name", "pk"))
    if not links:
        raise NotWanted("ask_over")
    first = links[0]
    barred = first.barred_by(now)
    if isinstance(barred, User) and not barred.is_active:
        raise NotWanted("person_left")
    cards = [
        {
            "group": str(link.team) if len(links) > 1 else "",
            "channels": registry.labels(link.left),
            "url": link.link_address,
            **first_names([one.called for one in link.asked_for]),
        }
        for link in links
    ]
    facts = {
        "what": "client",
        "asker": first.asker,
        "note": first.note,
        "organisation": settings.ORGANISATION_NAME,
        "name": first.name,
        "teams": len(links),
        "team": join_names([str(link.team) for link in links]),
        "channels": registry.labels(dict.fromkeys(channel for link in links for channel in link.left)),
        "cards": cards,
        "until": dates.moment(first.ends_at, zone=reader.zone).full,
    }
    answers = first.answers_to.email if first.answers_to else ""
    mail = compose_mail(ASK, message, reader, facts, reply_to=answers)
    for link in links:
        mail = without_link(mail, link.link_address)
    return mail


def demand_room_for_links(maker: User, now: datetime) -> None:
    """Raise ClientLinkRefused where a person has as many open links as there may be."""
    if Ask.objects.client_links().open(now).filter(made_by=maker).count() >= MOST_OPEN:
        raise ClientLinkRefused(say("too_many", n=MOST_OPEN))


def read_signed_link(signed: str) -> Ask | None:
    """Return the link of an address, open or not; None where it went with its team. Raises BadSignature: we never signed it."""
    return Ask.objects.client_links().filter(key=signing.Signer(salt=LINK_SALT).unsign(signed)).first()


@transaction.atomic
def revoke_link(*, link: Ask, by: User, now: datetime) -> None:
    """Make a link worthless that the person may revoke. Raises ClientLinkRefused where it is used or revoked already."""
    if not end_asks([link.pk], Ask.Ending.STOPPED, now):
        raise ClientLinkRefused(say("over_already"))
    _log(by, link, CHANGE, kept.keep(WORDS, "log_revoked"))


def note_link_opened(link: Ask, channel: str, now: datetime) -> None:
    """Note that somebody went on to a channel by it."""
    Ask.objects.client_links().filter(pk=link.pk, opened_at=None).update(opened_at=now)
    lines = link.lines.filter(channel=channel, stage__in=[Stage.WAITING, Stage.SENT])
    lines.update(stage=Stage.AT_CHANNEL, at_channel_at=now)


def make_contact(link: Ask) -> User:
    """Return the contact whom a link makes, in the caller's transaction; one contact for an address."""
    facts = {"name": link.name, "is_contact": True, "password": "!"}
    return User.objects.get_or_create(email=link.email, defaults=facts)[0]


def join_team(*, link: Ask, user: User) -> None:
    """Have a contact join the team of the link that they use. Whoever can log in joins by an invitation alone."""
    if not user.is_contact:
        return
    Membership.objects.get_or_create(team=link.team, user=user)
    if user.email == link.email:
        Ask.objects.client_links().filter(pk=link.pk, contact=None).update(contact=user)


def sweep_contacts() -> int:
    """Delete the contacts who turned back: what they gave was never linked to anything and is swept by now. Returns how many.

    A person in a list who gave no access is nobody.
    """
    return User.objects.filter(is_contact=True, tokens=None).delete()[1].get("users.User", 0)


@transaction.atomic
def note_link_used(
    *, link: Ask, channel: str, accounts: Sequence[Account], log_in: Token, now: datetime
) -> None:
    """Note in the caller's transaction what was linked by it, and have whoever asked told. Raises ClientLinkRefused where it is over.

    Where whoever made it is gone, out of reach, or no longer of its team, the team's leads are told, else operators.
    """
    row = Ask.objects.client_links().select_for_update(no_key=True, of=("self",)).get(pk=link.pk)
    if not row.is_open(now) or channel not in row.left:
        raise ClientLinkRefused(say("over_already"))
    ids = [account.pk for account in accounts]
    row.used = {**row.used, channel: ids}
    row.save(update_fields=["used"])
    linked = Q(account__in=ids) | Q(channel=channel, native_id__in=[one.native_id for one in accounts])
    row.lines.filter(linked).update(done_at=now, stage=Stage.DONE)
    if not row.left:
        end_asks([row.pk], Ask.Ending.ALL_DONE, now)
    maker = row.answers_to
    if maker is not None and RefusedAddress.objects.is_parked(maker.email):
        maker = None
    stand_ins = {} if maker or row.team is None else fallback_readers([row.team.pk])
    instead = [address for one in stand_ins.values() for address in one.addresses]
    about = {"asks": [row.pk], "channel": channel, "accounts": ids, "log_in": log_in.pk}
    for address in [maker.email] if maker else instead:
        write_ask_mail(ANSWER, to=address, key=f"{row.pk}:{channel}", now=now, team=row.team, **about)


def links_that_did_not_arrive(links: Collection[Ask]) -> set[int]:
    """Return the ids of those of these links whose mail did not arrive. One query, however many."""
    emails = {link.email for link in links}
    failed = Message.objects.filter(kind=ASK, state=Message.State.FAILED, recipient__in=emails)
    about = {pk for said in failed.values_list("payload", flat=True) for pk in said.get("asks", ())}
    return about & {link.pk for link in links}


def _log(by: User, link: Ask, flag: int, text: str) -> None:
    LogEntry.objects.log_actions(by.pk, [link], flag, text, single_object=True)
