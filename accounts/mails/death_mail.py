"""The mail "your log-in stopped": once per death, also when a backup took over. Its cards serve `accounts.asks.mails` too."""

from collections.abc import Collection, Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from accounts import pool_reasons, readers, renewal_links, summary
from accounts.mails import stand_in_mail
from accounts.mails.account_rows import Rows, row_of
from accounts.models import Account, AccountToken
from accounts.telling.notices import record_stop_told
from notifications import composing, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import reasons
from tokens.channels import declarations, registry
from tokens.channels.kinds import AN_APPEAL_HELPS, LIFTABLE
from tokens.models import Token
from ui import addresses, dates
from ui.text import first_name
from users import refused_addresses
from users.models import User
from users.recipients import Via
from users.visibility import names_for

DIED = "died"
SHOWN = 10


def tell_of_deaths(*, token_ids: Iterable[int], now: datetime) -> None:
    """Write one message per death and reader, in the caller's transaction: to the person, or whoever stands in.

    Where the person can only appeal at the channel, the leads of the teams whose accounts went dark hear of it, too: they can have
    somebody else link them.
    """
    for token in Token.objects.filter(pk__in=list(token_ids)).select_related("consented_by"):
        if not token.pool_entries.exists() or token.is_removed:
            continue  # linked to nothing: nothing stopped; what was removed on purpose has a mail of its own
        for reader in [*readers.of_token(token), *readers.leads_beside(token)]:
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
    """Build "your log-in stopped". Raises NotWanted where it works again or no longer carries anything, or its reader has another
    address.
    """
    token = _token_of(message)
    if token.state != Token.State.DEAD or token.generation != message.payload["generation"]:
        raise NotWanted("renewed")
    if "via" in message.payload:
        return stand_in_mail.build(message, token)
    reader = _reader_of(message, token)
    if reader.email != message.recipient:
        raise NotWanted("other_address")
    rows = rows_of(token, reader)
    if not rows.shown:
        raise NotWanted("not_linked")
    facts = {
        "first_name": first_name(str(reader)),
        "one": card(token, rows, reader.zone),
        "more": rows.total - 1,
        "first_there": token.reason in LIFTABLE,
        "only_appeal": token.reason in AN_APPEAL_HELPS,
        "system": token.kind == Token.Kind.SYSTEM,
        "about_channel": declarations.label(token.app.channel),
        "about_url": addresses.absolute_url("channel_page", token.app.channel),
        "personal": bool(own := _renewable(token, reader)),
    }
    mail = composing.compose(DIED, message, composing.Reader(reader), facts)
    return renewal_links.personal(mail, user=reader, now=timezone.now(), found=own)


def reader(message: Message) -> User | None:
    """Return the person to whom it is written; None where it is to whoever stands in."""
    return User.objects.filter(pk=message.payload.get("reader")).first()


def _renewable(token: Token, reader: User) -> dict[int, Token]:
    """Return the log-in, where its reader's own link renews it and that helps."""
    if token.reason in AN_APPEAL_HELPS:
        return {}
    return renewal_links.renewable([reader.pk], [token.pk])


def _token_of(message: Message) -> Token:
    token = Token.objects.select_related("app", "consented_by").filter(pk=message.payload["token"]).first()
    if token is None:
        raise NotWanted("log_in_gone")
    return token


def _reader_of(message: Message, token: Token) -> User:
    """Return who reads the mail."""
    reader = User.objects.filter(pk=message.payload.get("reader")).first() or token.consented_by
    if reader is None:
        raise NotWanted("nobodys_log_in")
    if not reader.is_active:
        raise NotWanted("person_left")
    return reader


def rows_of(token: Token, reader: User, *, first: Collection[int] = ()) -> Rows:
    """Return the accounts that use this log-in: those named first, then those that stopped, with what carries the others."""
    ids = AccountToken.objects.filter(token=token).values("account_id")
    accounts = Account.objects.filter(pk__in=ids)
    names = names_for(reader)
    rows = []
    for one in summary.first_of(accounts, timezone.now(), count=SHOWN, before=first):
        carriers = [entry.token for entry in one.usable if entry.token_id != token.pk]
        carrier = first_name(names.within(carriers[0], one.account)) if carriers else ""
        rows.append(row_of(one, carrier=carrier, zone=reader.zone))
    return Rows(rows, accounts.count())


def card(token: Token, rows: Rows, zone: ZoneInfo) -> dict[str, object]:
    """Return the facts of the card of a log-in, as templates/mail/died/card.txt words them."""
    native = registry.get(token.app.channel)
    account = rows.shown[0].account
    entry = AccountToken.objects.select_related("token").get(account=account, token=token)
    explanation = reasons.explain(
        native.key,
        pool_reasons.entry_reason(entry),
        person=token.native_user_name,
        account=account.name,
        you=token.kind != Token.Kind.SYSTEM,
    )
    dead = token.state == Token.State.DEAD
    ends = token.deadline if not dead else None
    return {
        "rows": rows,
        "channel": native.label,
        "channel_key": native.key,
        "log_in": token.native_user_name,
        "stopped": dates.moment(token.state_since, zone=zone).full if dead else "",
        "ends": dates.moment(ends, zone=zone).full if ends else "",
        "explanation": explanation,
        "steps": explanation.steps or (native.last_step,),
        "url": _page(account, token),
    }


def _page(account: Account, token: Token) -> str:
    """Return the page that its button leads to: where the log-in is renewed; where that would fail now, the steps behind our log-in.

    Empty for a contact whom only the steps in the mail help: they cannot log in here.
    """
    if token.state != Token.State.DEAD or token.reason not in AN_APPEAL_HELPS:
        return renewal_links.page_of(account, token)
    if token.consented_by is None or token.consented_by.is_contact:
        return ""
    return addresses.absolute_url("reauthenticate", account.pk)
