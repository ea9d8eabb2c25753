"""What the mails of asks say: one a person, built from what is still asked while it is sent; and the mail that says what came of it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.asks import links, services
from accounts.asks.models import Ask, AskLine
from accounts.asks.services import ANSWER, ASK
from accounts.models import Account, AccountToken
from accounts.pool import queries as pool_queries
from accounts.pool.mails import Rows, mail_row, signed_by
from accounts.renewal_links import services as renewal_links
from notifications.mails import tell_person
from notifications.models import Message
from notifications.outbox import (
    Mail,
    NotWanted,
    Reader,
    compose_mail,
    reader_of,
    register_kind,
)
from tokens.channels import declarations, registry
from tokens.models import Token
from tokens.token import reasons
from ui import addresses, dates
from ui.text import first_name, first_names
from users.models import User
from users.people.queries import names_for

# --- the card of a log-in: its accounts, why it stopped or when it ends, the button that renews it ---------------------------


SHOWN = 4  # accounts: the one that names the card, and three that it also renews


def rows_of_log_in(token: Token, reader: User, *, first: Collection[int] = ()) -> Rows:
    """Return the accounts that use this log-in: those named first, then those that stopped, with what carries the others."""
    ids = AccountToken.objects.filter(token=token).values_list("account_id", flat=True)
    accounts = Account.objects.filter(pk__in=ids)
    names = names_for(reader)
    rows = []
    for one in pool_queries.first_summaries(accounts, timezone.now(), count=SHOWN, before=first):
        carriers = [entry.token for entry in one.usable if entry.token_id != token.pk]
        carrier = first_name(names.within(carriers[0], one.account)) if carriers else ""
        rows.append(mail_row(one, carrier=carrier, zone=reader.zone))
    return Rows(rows, accounts.count())


def _card_asked_for(token: Token, rows: Rows, zone: ZoneInfo) -> dict[str, object]:
    """Return the facts of the card of a log-in that somebody asks to renew."""
    account = rows.shown[0].account
    entry = AccountToken.objects.select_related("token").get(account=account, token=token)
    explanation = reasons.explain(
        account.channel,
        entry.reason,
        person=token.native_user_name,
        account=account.name,
        you=token.kind != Token.Kind.SYSTEM,
    )
    ends = token.deadline if token.state != Token.State.DEAD else None
    said = dates.moment(ends, zone=zone).full if ends else ""
    return renewal_links.log_in_card(
        token, rows, explanation, zone=zone, ends=said, log_in=token.native_user_name
    )


AGAIN = "again"  # what is asked by a new link in place of one that had expired: by no ask


def send_link_again(*, token: Token, user: User, now: datetime) -> None:
    """Write the mail with a new link for this person and log-in, at most one an hour."""
    key = f"{AGAIN}:{token.pk}:{now.astimezone(UTC):%Y%m%d%H}"
    services.write_ask_mail(ASK, to=user, key=key, now=now, tokens=[token.pk])


# --- what is known of a mail of an ask ----------------------------------------------------------------------------------------


def _asks_of(message: Message) -> QuerySet[Ask]:
    asks = Ask.objects.select_related("team", "made_by", "contact")
    return asks.filter(pk__in=message.payload.get("asks", [])).order_by("team__name", "pk")


def person_written_to(message: Message) -> User | None:
    """Return the person to whom a mail is; None of a client link, which is its address's, and where they were deleted."""
    return User.objects.filter(pk=message.payload.get("user", 0)).first()


def of_address(message: Message) -> bool:
    """Return whether a mail stays where it was sent when its reader gets a new address: what a client link asks does."""
    return "user" not in message.payload


def brings_back(message: Message) -> bool:
    """Return whether a mail is sent to a parked address, too: its reader asked for it, and comes back by it."""
    return "asks" not in message.payload


def note_mail_ended(message: Message) -> None:
    """Tell whoever asked somebody to link accounts that the mail did not arrive, in the transaction that records it.

    Of several asks it names the first.
    """
    if not message.is_unarrived:
        return
    now, failed = timezone.now(), message.state == Message.State.FAILED
    for ask in _asks_of(message).filter(what=Ask.What.LINK).order_by("pk"):
        expired = ask.ends_at <= now and ask.ending in {"", Ask.Ending.LAST_DAY}
        if (ask.is_open(now) if failed else expired) and ask.answers_to is not None:
            page = "client_link_of" if ask.key else ""
            tell_person(about=message, to=ask.answers_to, now=now, page=page, page_id=ask.pk)
            return


# --- what is asked ------------------------------------------------------------------------------------------------------------


def build_ask_mail(message: Message) -> Mail:
    """Build the mail of its parts: who asks what, why, for what, by what link, and what follows; secrets are in the sent copy alone.

    Raises NotWanted where it is done, over, or its reader can no longer log in or has another address.
    """
    person, asks = _person(message), list(_asks_of(message))
    if not asks and not brings_back(message):
        raise NotWanted("ask_over")
    ask = asks[0] if asks else None
    what = ask.what if ask else AGAIN
    renews = what in {AGAIN, Ask.What.RENEW}
    found = _of_log_ins(message, asks, person) if renews else _of_accounts(what, asks, person)
    asker, answers = _asker(ask, person)
    facts = {"what": what, "asker": asker, "note": ask.note if ask else "", **found}
    facts["first_name"] = first_name(str(person))
    mail = compose_mail(ASK, message, Reader(person), facts, reply_to=answers)
    return renewal_links.put_personal_links(mail, user=person, now=timezone.now())


def _person(message: Message) -> User:
    """Return who reads a mail. Raises NotWanted where that person is gone, or has another address."""
    person = person_written_to(message)
    if person is None or not person.is_active:
        raise NotWanted("person_left")
    if person.email != message.recipient:
        raise NotWanted("other_address")
    return person


def _asker(ask: Ask | None, person: User) -> tuple[str, str]:
    """Return who asks, as the reader may know them, and the address that an answer reaches; "" for nobody."""
    if ask is None:
        return "", ""
    if ask.made_by is None and ask.what == Ask.What.RENEW:
        return ask.email, ask.email  # a reader of a mail wishes it
    return signed_by(ask.made_by, names_for(person if ask.what == Ask.What.BACK_UP else None))


def _of_log_ins(message: Message, asks: Sequence[Ask], person: User) -> dict[str, Any]:
    """Return what renews log-ins that were not renewed since, by whomever: one that is somebody else's now is no more asked for."""
    ids = message.payload["tokens"]
    found = Token.objects.select_related("app").filter(consented_by=person).in_bulk(ids)
    own = renewal_links.renewable_log_ins([person.pk], list(found))
    mine = [found[pk] for pk in ids if pk in found and (asks or pk in own)]
    if not mine:
        raise NotWanted("log_in_gone")
    waiting = [token for token in mine if token.linked_at <= message.created_at]
    if not waiting:
        raise NotWanted("re_authenticated")
    # By the ask that wrote the mail, or by another one that wrote no second mail.
    if asks and not AskLine.objects.running().filter(token__in=waiting, mails__gt=0).exists():
        raise NotWanted("ask_over")
    wanted = set(message.payload.get("accounts", []))
    pools = [(token, rows_of_log_in(token, person, first=wanted)) for token in waiting]
    pools = [(token, rows) for token, rows in pools if rows.shown]
    if not pools:
        raise NotWanted("not_linked")
    keys = list(dict.fromkeys(token.app.channel for token, _ in pools))
    return {
        "reminder": message.payload.get("reminder", 0),
        "channels": registry.labels(keys),
        "count": len(pools),
        "log_in": pools[0][0].native_user_name,
        "stopped": sum(token.state == Token.State.DEAD for token, _ in pools),
        "log_ins": [_card_asked_for(token, rows, person.zone) for token, rows in pools],
        "personal": bool(own),
    }


def _of_accounts(what: str, asks: Sequence[Ask], person: User) -> dict[str, Any]:
    """Return a card for each channel at which there is something that was not linked since, or not answered.

    Raises NotWanted where there is none.
    """
    links_them = what == Ask.What.LINK
    lines = (
        AskLine.objects.to_link(person, timezone.now()) if links_them else AskLine.objects.to_back_up(person)
    )
    rows = list(lines.filter(ask__in=asks).order_by("channel", "name", "pk").values_list("channel", "name"))
    if not rows:
        raise NotWanted("ask_over")
    answer = addresses.absolute_url("backup_requests")
    return {
        "count": len(rows),
        "name": rows[0][1],
        "channels": registry.labels({channel for channel, _ in rows}),
        "cards": _cards(
            rows, lambda channel: addresses.absolute_url("link", channel) if links_them else answer
        ),
    }


def _cards(rows: Iterable[tuple[str, str]], url: Callable[[str], str]) -> list[dict[str, Any]]:
    by_channel: dict[str, list[str]] = defaultdict(list)
    for channel, name in rows:
        by_channel[channel].append(name)
    return [
        {"label": declarations.label(channel), "url": url(channel), **first_names(names)}
        for channel, names in by_channel.items()
    ]


# --- what came of it ----------------------------------------------------------------------------------------------------------


def build_answer_mail(message: Message) -> Mail:
    """Build "your link was used", for whoever made it or stands in, or "your log-in backs up more accounts", for its person.

    Raises NotWanted where the link or those backups are gone, or where its reader can no longer log in, or is no longer concerned.
    """
    to = reader_of(message)
    facts, answers = (_used if "channel" in message.payload else _added)(message, to.user)
    facts["first_name"] = first_name(str(to.user)) if to.user else ""
    return compose_mail(ANSWER, message, to, facts, reply_to=answers)


def _used(message: Message, to: User | None) -> tuple[dict[str, Any], str]:
    link, payload = _asks_of(message).first(), message.payload
    if link is None:
        raise NotWanted("ask_over")
    maker = link.made_by
    own = maker is not None and maker.email == message.recipient
    if own and link.answers_to is None:
        raise NotWanted("person_left")
    accounts = Account.objects.filter(pk__in=payload["accounts"]).order_by("name")
    log_in = Token.objects.filter(pk=payload["log_in"]).first()
    facts = {
        "who": link.name or link.email,
        "email": link.email,
        "maker": "" if own else str(maker or ""),
        "unreached": not own and link.answers_to is not None,
        "own": own,
        "channel": declarations.label(payload["channel"]),
        "team": str(link.team),
        "left": registry.labels(link.left),
        "count": len(payload["accounts"]),
        "log_in": log_in.native_user_name if log_in else "",
        "cards": [
            {"url": _page_of(link, accounts, to), **first_names([account.name for account in accounts])}
        ],
    }
    return facts, ""


def _page_of(link: Ask, accounts: QuerySet[Account], to: User | None) -> str:
    """Return the link's page for whoever sees it, else the account's."""
    if to is not None and Ask.objects.links_visible_to(to).filter(pk=link.pk).exists():
        return addresses.absolute_url("client_link_of", link.pk)
    first = accounts.first()
    return addresses.absolute_url("open_account", first.pk) if first else ""


def _added(message: Message, to: User | None) -> tuple[dict[str, Any], str]:
    if to is None:
        raise NotWanted("person_left")
    payload = message.payload
    entries = AccountToken.objects.filter(account__in=payload["accounts"], token__in=payload["tokens"])
    found = entries.order_by("account__channel", "account__name").distinct()
    rows = list(found.values_list("account__channel", "account__name", "account"))
    if not rows:
        raise NotWanted("not_linked")
    actor, answers = signed_by(User.objects.filter(pk=payload["actor"]).first(), names_for(to))
    facts = {
        "actor": actor,
        "note": payload["note"],
        "channels": registry.labels({channel for channel, _, _ in rows}),
        "count": len(rows),
        "cards": _cards([row[:2] for row in rows], lambda _: addresses.absolute_url("log_ins")),
    }
    return facts, answers


def build_mail(message: Message) -> Mail:
    """Build what asks a person, or, by a client link, an address."""
    return (build_ask_mail if "user" in message.payload else links.build_link_mail)(message)


def register_mails() -> None:
    """Say how these mails are built."""
    register_kind(
        ASK,
        build_mail,
        name=_("Request"),
        ended=note_mail_ended,
        reader=person_written_to,
        of_address=of_address,
        to_parked=brings_back,
        asks=True,
    )
    register_kind(ANSWER, build_answer_mail, name=_("Answer to a request"))
