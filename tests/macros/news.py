"""What the tests of news share: macros that tell at once, log-ins that live and end, and the mails that leave."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Account, AccountNews
from accounts.pool import services as pool
from accounts.sync import entries as pool_entries
from macros.models import Macro, MacroAction
from notifications.delivery import claims
from notifications.models import Message
from notifications.outbox import KINDS, Mail, NotWanted
from tests.macros.support import WATCHER, make_macro, make_person
from tests.notifications.support import claim_next
from tests.support.ends import end
from tests.support.factories import NOW, link, make_account, make_app, make_token
from tokens import lifecycle
from tokens.channels.kinds import AccountList, Classification, Inspection, NativeAccount, Reason, Verdict
from tokens.models import Token
from users.addresses import services as refused_addresses
from users.models import Team, User

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SOON = NOW + timedelta(seconds=35)


def tells(*told: str, emails: Sequence[str] = (WATCHER,), **fields: object) -> Macro:
    """A macro that tells these kinds at once."""
    warning = make_macro(emails=emails, **fields)  # type: ignore[arg-type]
    for kind in told:
        MacroAction.objects.create(
            macro=warning.macro,
            kind=kind,
            emails=warning.emails,
            notify_consenters=warning.notify_consenters,
        )
    return warning.macro


def linked(*tokens: Token, name: str = "", team: Team | None = None) -> Account:
    """An account that these log-ins have carried for an hour, the first one now; it is no news any longer."""
    name = name or f"Account {Account.objects.count() + 1}"
    account = make_account(tokens[0].app.channel, name=name, created_at=NOW - HOUR, team=team)
    for rank, token in enumerate(tokens):
        link(account, token, rank=rank)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW - HOUR)
    AccountNews.objects.filter(account=account).delete()
    return account


def person(name: str, **fields: object) -> User:
    return make_person(f"{name.lower()}@example.com", name=f"{name} Okafor", **fields)


def log_in(user: User | None, **fields: object) -> Token:
    return make_token(
        make_app(), consented_by=user, native_user_name=f"{user.name if user else 'Old'} FB", **fields
    )


def answered(
    token: Token, verdict: Verdict, reason: Reason | None, now: datetime, *, source: str = "sweep"
) -> None:
    token.refresh_from_db()
    lifecycle.record_inspection(
        token_id=token.pk,
        generation=token.generation,
        inspection=Inspection(Classification(verdict, reason)),
        now=now,
        source=source,
    )


def die(token: Token, now: datetime = NOW) -> None:
    end(token, now=now)


def revive(account: Account, now: datetime) -> None:
    """Somebody else links it."""
    link(account, make_token(make_app()))
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=now)


def restrict(account: Account, words: str, now: datetime = NOW) -> None:
    account.refresh_from_db()
    with transaction.atomic():
        pool_entries._restrict(account, words, now, "sweep")


def listed(token: Token, accounts: Sequence[Account], now: datetime = NOW, **facts: object) -> None:
    """The channel's list of this log-in: these accounts, with these facts, and no others."""
    natives = [NativeAccount(one.native_id, one.name, **{"can_publish": "yes", **facts}) for one in accounts]  # type: ignore[arg-type]
    pool_entries.apply_answers(
        token=token, generation=token.generation, listed=AccountList(tuple(natives)), now=now, source="sweep"
    )


def send(now: datetime = SOON) -> list[str]:
    """Build and send what is queued, as a worker does. Returns "reader: subject" of each mail that went out."""
    return sorted(f"{to}: {mail.subject}" for to, mail in sent(now))


def sent(now: datetime = SOON) -> list[tuple[str, Mail]]:
    """The same: each reader, and the mail."""
    out = []
    while message := claim_next(now=now):
        try:
            made = KINDS[message.kind].build(message)
        except NotWanted as answer:
            claims.record_cancelled(message, str(answer))
            continue
        claims.record_sent(
            message,
            claims.Sent(made.subject, made.stored_text or made.text, made.stored_html or made.html),
            now=now,
        )
        out.append((message.recipient, made))
    return out


def to_watcher(sent: Sequence[str]) -> list[str]:
    return [one for one in sent if one.startswith(WATCHER)]


def refuse(message: Message) -> None:
    """The mail server refuses its address for good."""
    refused_addresses.park_address(message.recipient, said="550 unknown", now=SOON)
    message.state, message.error = Message.State.FAILED, "550 unknown"
    message.save()
    ended = KINDS[message.kind].ended
    assert ended is not None
    ended(message)
