"""Actions of staff on an account and its pool. Each runs in one transaction, settles, and leaves one event with who and why."""

from datetime import datetime

from django.db import transaction

from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from accounts.pool.errors import WORDS, ActionRefused
from accounts.pool.health import READING_REFUSED
from tokens import lifecycle
from tokens.models import Token
from tokens.token import reasons
from ui import stored_phrases as kept
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
    if entry.stands_back(account.pool.select_related("token")):
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
def move_in_order(*, account: Account, token: Token, step: int, actor: User, now: datetime) -> int:
    """Move a token up (-1) or down (+1) in the order that staff set by hand. Returns its new place, counted from 1.

    Raises ActionRefused where that changes nothing: the active token is always first, and tokens that can be served are
    tried before those that cannot, whatever their rank.
    """
    account = Account.objects.locked().get(pk=account.pk)
    entries = account.pool_in_order()
    places = [entry.token_id for entry in entries]
    if token.pk not in places:
        raise ActionRefused("not_linked")
    old = places.index(token.pk)
    new = min(max(old + step, 0), len(places) - 1)
    entries.insert(new, entries.pop(old))
    for place, entry in enumerate(entries, 1):
        entry.rank = place
    AccountToken.objects.bulk_update(entries, ["rank"])
    place = [entry.token_id for entry in account.pool_in_order()].index(token.pk) + 1
    if place == old + 1:
        raise ActionRefused("stays_in_place")
    pool.record_event(
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
    pool.record_event(
        account=account,
        kind=AccountEvent.Kind.RANKED,
        note=kept.keep(WORDS, "back_to_automatic"),
        source="staff",
        actor=actor,
        now=now,
    )
    pool.settle(account_ids=[account.pk], cause="ranked", now=now, source="staff", actor=actor)


@transaction.atomic
def unlink_token(*, account: Account, token: Token, actor: User, note: str, now: datetime) -> None:
    """Take a token out of the account's pool. Its other accounts keep it; the log-in and its history stay, also after the last one."""
    Token.objects.locked().get(pk=token.pk)
    lifecycle.note_linked(token_ids=[token.pk], now=now)
    account = Account.objects.locked().get(pk=account.pk)
    entry = _entry(account, token)
    pool.record_event(
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


def _entry(account: Account, token: Token) -> AccountToken:
    entry = account.pool.select_related("token").filter(token=token).first()
    if entry is None:
        raise ActionRefused("not_linked")
    return entry
