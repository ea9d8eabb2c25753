"""Actions of staff on an account and its pool. Each runs in one transaction, settles, and leaves one event with who and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from accounts import pool, pool_reasons, readers, selection
from accounts.errors import WORDS, ActionRefused
from accounts.mails import ask_mail
from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool_reasons import READING_REFUSED
from notifications import outbox
from tokens import lifecycle, reasons
from tokens.channels import declarations
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import Token
from ui import kept
from ui.phrases import phrase
from users import hold
from users.models import User


@transaction.atomic
def make_active(*, account: Account, token: Token, actor: User, note: str, now: datetime) -> None:
    """Serve this token from now on. Raises ActionRefused where it is active already or cannot be served."""
    account = Account.objects.locked().get(pk=account.pk)
    if account.active_token_id == token.pk:
        raise ActionRefused("active_already", person=token.native_user_name)
    entry = _entry(account, token)
    if not entry.is_usable:
        raise ActionRefused("not_usable", person=token.native_user_name)
    if selection.stands_back(entry, account.pool.select_related("token")):
        explanation = reasons.explain(account.channel, READING_REFUSED, person=token.native_user_name)
        raise ActionRefused("as_told", text=explanation.what)
    pool.settle(
        account_ids=[account.pk],
        cause="switched",
        now=now,
        source="staff",
        actor=actor,
        note=note,
        prefer=token.pk,
    )


@transaction.atomic
def move(*, account: Account, token: Token, step: int, actor: User, now: datetime) -> int:
    """Move a token up (-1) or down (+1) in the order that staff set by hand. Returns its new place, counted from 1.

    Raises ActionRefused where that changes nothing: the active token is always first, and tokens that can be served are
    tried before those that cannot, whatever their rank.
    """
    account = Account.objects.locked().get(pk=account.pk)
    entries = selection.in_order(account)
    places = [entry.token_id for entry in entries]
    if token.pk not in places:
        raise ActionRefused("not_linked")
    old = places.index(token.pk)
    new = min(max(old + step, 0), len(places) - 1)
    entries.insert(new, entries.pop(old))
    for place, entry in enumerate(entries, 1):
        entry.rank = place
    AccountToken.objects.bulk_update(entries, ["rank"])
    place = [entry.token_id for entry in selection.in_order(account)].index(token.pk) + 1
    if place == old + 1:
        raise ActionRefused("stays_in_place")
    pool.record(
        account=account,
        kind=AccountEvent.Kind.RANKED,
        token_id=token.pk,
        note=f"now number {place}",
        source="staff",
        actor=actor,
        now=now,
    )
    pool.settle(account_ids=[account.pk], cause="ranked", now=now, source="staff", actor=actor)
    return place


@transaction.atomic
def back_to_automatic(*, account: Account, actor: User, now: datetime) -> None:
    """Forget the order that was set by hand: the longest-lived token comes first again."""
    account = Account.objects.locked().get(pk=account.pk)
    account.pool.update(rank=None)
    pool.record(
        account=account,
        kind=AccountEvent.Kind.RANKED,
        note=kept.keep(WORDS, "back_to_automatic"),
        source="staff",
        actor=actor,
        now=now,
    )
    pool.settle(account_ids=[account.pk], cause="ranked", now=now, source="staff", actor=actor)


@transaction.atomic
def unlink(*, account: Account, token: Token, actor: User, note: str, now: datetime) -> None:
    """Take a token out of the account's pool. Its other accounts keep it; the log-in and its history stay, also after the last one."""
    Token.objects.locked().get(pk=token.pk)
    lifecycle.note_linked(token_ids=[token.pk], now=now)
    account = Account.objects.locked().get(pk=account.pk)
    entry = _entry(account, token)
    pool.record(
        account=account,
        kind=AccountEvent.Kind.UNLINKED,
        token_id=token.pk,
        note=note,
        source="staff",
        actor=actor,
        now=now,
    )
    entry.delete()
    pool.settle(account_ids=[account.pk], cause="unlinked", now=now, source="staff", actor=actor, note=note)


@transaction.atomic
def ask_to_reauthenticate(*, account: Account, token: Token, actor: User, note: str, now: datetime) -> str:
    """Mail the person who consented and ask to re-authenticate. Returns the address.

    Raises ActionRefused where nobody is known to have consented, that person can no longer log in, or the log-in was removed on purpose.
    """
    return ask_person(about=[(account, token)], actor=actor, note=note, now=now)


@transaction.atomic
def ask_person(*, about: Sequence[tuple[Account, Token]], actor: User, note: str, now: datetime) -> str:
    """Ask one person by one mail to re-authenticate all these log-ins of his, and note it on every account. Returns the address.

    `about` names each account with the log-in that it is about, the most important first. Raises ActionRefused where somebody else, or
    nobody who can log in, consented to one of them; OnHold where no mail is sent.
    """
    return write_ask(about=about, actor=actor, note=note, now=now)[0]


@transaction.atomic
def write_ask(
    *,
    about: Sequence[tuple[Account, Token]],
    actor: User,
    note: str,
    now: datetime,
    more: Mapping[str, int] | None = None,
) -> tuple[str, str]:
    """Do the same, and return the address and the key by which the mail is found. `more`: what else the mail's payload holds.

    Raises as `ask_person` does.
    """
    hold.refuse()
    tokens = list({token.pk: token for _, token in about}.values())
    recipient = _whom(tokens)
    events = AccountEvent.objects.bulk_create(
        AccountEvent(
            account=account,
            token=token,
            kind=AccountEvent.Kind.ASKED,
            source="staff",
            actor=actor,
            note=note,
            at=now,
        )
        for account, token in about
    )
    for token in tokens:
        lifecycle.record_ask(token=token, actor=actor, recipient=recipient, now=now)
    key = f"ask:{events[0].pk}:{recipient}"
    outbox.enqueue(
        kind=ask_mail.KIND,
        recipient=recipient,
        team=readers.team_of(tokens),  # it tells of all accounts of the log-ins
        dedupe_key=key,
        payload={
            "accounts": [account.pk for account, _ in about],
            "tokens": [token.pk for token in tokens],
            "actor": actor.pk,
            "note": note,
            **(more or {}),
        },
        now=now,
    )
    return recipient, key


def _whom(tokens: Sequence[Token]) -> str:
    """Return the address of the one person who consented to all of them. Raises ActionRefused where there is none."""
    for why in map(cannot_ask, tokens):
        if why:
            raise ActionRefused("as_told", text=why)
    people = {token.consented_by for token in tokens}
    person = people.pop()
    if people or person is None:
        raise ActionRefused("several_people")
    return person.email


def cannot_ask(token: Token) -> str:
    """Return why nobody can be asked to renew this token (with its app), or "" where somebody can. `asks_of_app` asks the database so."""
    if token.kind == Token.Kind.SYSTEM:
        return phrase(WORDS, "system_user")
    if token.consented_by is None:
        return phrase(WORDS, "was_imported")
    if not token.consented_by.is_active:
        return phrase(WORDS, "cannot_log_in", person=str(token.consented_by))
    if token.is_removed:
        return phrase(WORDS, "removed_on_purpose")
    if token.state == Token.State.DEAD and token.reason in AN_APPEAL_HELPS:
        return phrase(WORDS, "only_appeal", channel=declarations.label(token.app.channel))
    return ""


def asking_is_vain(entry: AccountToken) -> str:
    """Return why a new consent of this person would not help this account, or "" where it would."""
    explanation = pool_reasons.explain_entry(entry)
    if not explanation.short or explanation.by_consent:
        return ""
    return phrase(WORDS, "would_not_help", who=explanation.helper or explanation.who)


def _entry(account: Account, token: Token) -> AccountToken:
    entry = account.pool.select_related("token").filter(token=token).first()
    if entry is None:
        raise ActionRefused("not_linked")
    return entry
