"""The mail "your log-in stopped": once per death, also when a backup took over. Its cards serve `accounts.mails.ask_mail` too."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone

from accounts import pool_reasons, readers, summary
from accounts.mails import stand_in_mail
from accounts.models import Account, AccountToken
from accounts.name_visibility import Names
from accounts.telling.notices import record_stop_told
from notifications import outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import reasons
from tokens.channels import registry
from tokens.channels.kinds import LIFTABLE
from tokens.models import Token
from ui import addresses, dates, pills
from ui.text import first_name, mid
from users import refused_addresses
from users.models import User
from users.recipients import Via

DIED = "died"
SHOWN = 10


@dataclass(frozen=True)
class Row:
    """One account that uses a log-in."""

    account: Account
    entry: AccountToken
    dark: bool
    carrier: str  # who else can carry it, "" for nobody
    pill: pills.Pill
    left: str


@dataclass(frozen=True)
class Rows:
    """The first accounts that hang on a log-in, and how many do: it may be thousands."""

    shown: Sequence[Row]
    total: int


def tell_of_deaths(*, token_ids: Iterable[int], now: datetime) -> None:
    """Write one message per death and reader, in the caller's transaction: to the person, or whoever stands in."""
    for token in Token.objects.filter(pk__in=list(token_ids)).select_related("consented_by"):
        if not token.pool_entries.exists() or token.is_removed:
            continue  # linked to nothing: nothing stopped; what was removed on purpose has a mail of its own
        for reader in readers.of_token(token):
            own = reader.via == Via.DIRECT and token.kind == Token.Kind.PERSON
            payload = {"token": token.pk, "generation": token.generation}
            outbox.enqueue(
                kind=DIED,
                recipient=reader.address,
                team=readers.team_of([token], reader.teams),
                dedupe_key=f"died:{token.pk}:{token.generation}" + ("" if own else f":{reader.key}"),
                payload=payload | ({"reader": reader.user.pk} if reader.user else reader.stands_in),
                now=now,
            )


def record_end(message: Message) -> None:
    """Note whom the mail of a death told. Where the mail server refuses the address, whoever stands in is told, in the same transaction."""
    record_stop_told(message)
    if message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient):
        dead = Token.objects.filter(
            pk=message.payload["token"], generation=message.payload["generation"], state=Token.State.DEAD
        )
        tell_of_deaths(token_ids=dead.values_list("pk", flat=True), now=timezone.now())


def build_died(message: Message) -> Mail:
    """Build "your log-in stopped". Raises NotWanted where it works again or carries nothing any more."""
    token = _token_of(message)
    if token.state != Token.State.DEAD or token.generation != message.payload["generation"]:
        raise NotWanted("The log-in was renewed before this mail went out.")
    if "via" in message.payload:
        return stand_in_mail.build(message, token)
    reader = _reader_of(message, token)
    rows = rows_of(token, reader)
    if not rows.shown:
        raise NotWanted("The log-in is no longer linked to any account.")
    return _render(message, _subject(token, rows), token, reader, rows)


def _subject(token: Token, rows: Rows) -> str:
    """Return the subject by what stands first: a dark account, else one that goes on."""
    first = rows.shown[0]
    more = f" (+{rows.total - 1} more)" if rows.total > 1 else ""
    if first.dark:
        return f"{_short(first.account.name)} is deactivated: please re-authenticate{more}"
    if first.carrier:
        return f"{_short(first.account.name)} goes on through {first.carrier}: please re-authenticate{more}"
    return f"Your {registry.get(token.app.channel).label} log-in stopped: please re-authenticate"


def _token_of(message: Message) -> Token:
    token = Token.objects.select_related("app", "consented_by").filter(pk=message.payload["token"]).first()
    if token is None:
        raise NotWanted("The log-in no longer exists.")
    return token


def _reader_of(message: Message, token: Token) -> User:
    """Return who reads the mail."""
    reader = User.objects.filter(pk=message.payload.get("reader")).first() or token.consented_by
    if reader is None:
        raise NotWanted("The log-in no longer belongs to anybody.")
    if not reader.is_active:
        raise NotWanted("The person can no longer log in.")
    return reader


def rows_of(token: Token, reader: User, *, first: Collection[int] = ()) -> Rows:
    """Return the accounts that use this log-in: those named first, then those that stopped, with what carries the others."""
    ids = AccountToken.objects.filter(token=token).values("account_id")
    accounts = Account.objects.filter(pk__in=ids)
    names = Names(reader)
    rows = []
    now, zone = timezone.now(), timezone.get_current_timezone()
    for one in summary.first_of(accounts, now, count=SHOWN, before=first):
        carriers = [entry for entry in one.usable if entry.token_id != token.pk]
        rows.append(
            Row(
                account=one.account,
                entry=next(entry for entry in one.entries if entry.token_id == token.pk),
                dark=one.account.state == Account.State.DEACTIVATED,
                carrier=first_name(names.within(carriers[0].token, one.account)) if carriers else "",
                pill=pills.pill("account", one.health),
                left=dates.days_left(one.deadline, now=now, zone=zone).text,
            )
        )
    return Rows(rows, accounts.count())


def _render(message: Message, subject: str, token: Token, person: User, rows: Rows) -> Mail:
    """Render one card for the log-in: the first account carries it, the others are named below."""
    native = registry.get(token.app.channel)
    system = token.kind == Token.Kind.SYSTEM
    because = (
        f"your team owns this {native.label} system user"
        if system
        else f"you linked this {native.label} log-in"
    )
    whose = (
        f"The {native.label} system user {token.native_user_name}"
        if system
        else f"Your {native.label} log-in"
    )
    context = {
        "subject": subject,
        "first_name": first_name(str(person)),
        "channel": native,
        "dark": rows.shown[0].dark,
        "first_there": token.reason in LIFTABLE,
        "account": card(token, rows, person.zone),
        "because": f"You get this because {because}.",
        "about_label": f"How long authorisations last at {native.label}",
        "about_url": addresses.of("channel_page", native.key),
        "why_url": addresses.of("why_message", message.pk),
        "system": system,
        "whose": whose,
    }
    with timezone.override(person.zone):
        text = render_to_string("mail/died/body.txt", context)
        html = render_to_string("mail/died/body.html", context)
    return Mail(subject=subject, text=text, html=html)


def card(token: Token, rows: Rows, zone: ZoneInfo) -> dict[str, Any]:
    """Return the card of a log-in, as templates/mail/_base/_account.{html,txt} show it."""
    native = registry.get(token.app.channel)
    account = rows.shown[0].account
    told = reasons.explain(
        native.key,
        pool_reasons.entry_reason(rows.shown[0].entry),
        person=token.native_user_name,
        account=account.name,
        you=token.kind != Token.Kind.SYSTEM,
    )
    button = f"Re-authenticate {native.label}" + (f", {rows.total} accounts" if rows.total > 1 else "")
    return {
        "channel": native.key,
        "channel_name": native.label,
        "name": account.name,
        "native_id": account.native_id,
        "pill": rows.shown[0].pill,
        "rows": _card_rows(token, rows, told, zone),
        "steps": told.steps or (native.last_step,),
        "button": {"label": button, "url": addresses.of("reauthenticate", account.pk)},
    }


def _card_rows(token: Token, rows: Rows, told: reasons.Explanation, zone: ZoneInfo) -> list[tuple[str, str]]:
    words = [("State", _carried(rows.shown[0]))]
    if token.state == Token.State.DEAD:
        words.append(("Stopped", dates.moment(token.state_since, zone=zone).full))
    elif token.deadline is not None:
        words.append(("Ends", dates.moment(token.deadline, zone=zone).full))
    if told.what:
        words.append(("Why", told.what))
    if told.causes:
        words.append(("Causes", " ".join(told.causes)))
    words.append(("Log-in", token.native_user_name))
    if rows.total > 1:
        names = [f"{row.account.name} ({mid(_carried(row, short=True))})" for row in rows.shown[1:]]
        more = rows.total - len(rows.shown)
        words.append(("Also renews", ", ".join(names) + (f" and {more} more" if more > 0 else "")))
    return words


def _carried(row: Row, *, short: bool = False) -> str:
    """Say what carries an account while this log-in does not."""
    if row.dark:
        return "Deactivated" if short else "Deactivated: nothing can be published"
    if row.account.paused_at is not None:
        return "Paused by staff"
    if row.carrier:
        return f"Goes on through {row.carrier}"
    return "Being checked" if row.account.state == Account.State.INTERRUPTED else row.left


def _short(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:29]}…"
