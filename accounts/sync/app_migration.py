"""A second app on a channel: a person who consents to the new app takes along the places of the log-in under the old one.

So the person is in each pool once, an account that was served goes on being served, and what the new consent does not reach stays
with the old log-in for as long as that lives.
"""

from datetime import datetime

from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from tokens import lifecycle
from tokens.channels.kinds import AccountList, NativeAccount
from tokens.models import Token

CAUSE = "new_app"  # of the event in the account's time-line


def predecessors(token: Token) -> list[int]:
    """Return the ids of the same native user's tokens under the channel's other apps.

    The native id tells, where the channel gives every app the same. Where each app gets ids of its own (Facebook), it is the same person of
    ours with the same name at the channel; two of that name under one app could be two native users, so then nobody is taken for another.
    """
    if not token.app.is_default or token.kind == Token.Kind.SYSTEM:
        return []
    others = Token.objects.filter(app__channel=token.app.channel, kind=Token.Kind.PERSON).exclude(
        app=token.app_id
    )
    same = list(others.filter(native_user_id=token.native_user_id).order_by("id"))
    if not same and token.consented_by_id and token.native_user_name:
        same = list(
            others.filter(
                consented_by=token.consented_by_id, native_user_name=token.native_user_name
            ).order_by("id")
        )
        apps = [one.app_id for one in same]
        same = [one for one in same if apps.count(one.app_id) == 1]
    return [one.pk for one in same]


def adopt_accounts(
    *, token: Token, listed: AccountList, now: datetime, former: int | None = None
) -> list[int]:
    """Put the token in the place of its predecessors in the pools of those accounts that its consent reaches. Return their ids.

    `former`: the id of one that is known, since its person came by its own link; two of one name are told apart by nothing else.

    Runs in the transaction of the consent, which holds the token's lock; `entries.apply_answers` with the same list follows, and settles.
    """
    old = sorted({*predecessors(token), *([former] if former else [])})
    by_id = {native.native_id: native for native in listed.accounts if not native.closed}
    if not old or not by_id:
        return old
    ids = AccountToken.objects.filter(token__in=old, account__native_id__in=by_id).values("account_id")
    accounts = {account.pk: account for account in Account.objects.filter(pk__in=ids).locked()}
    entries = AccountToken.objects.filter(token__in=old, account__in=accounts).select_related("token")
    for entry in entries.order_by("id").select_for_update(no_key=True, of=("self",)):
        entry.account = accounts[entry.account_id]
        if not _would_lose(entry, by_id[entry.account.native_id]):
            _replace(entry, token, now)
            lifecycle.note_linked(token_ids=[token.pk], now=now)
    return old


def _would_lose(entry: AccountToken, native: NativeAccount) -> bool:
    """Return whether the old log-in may still publish where the new consent may only report."""
    return native.can_publish == "no" and entry.is_living


def _replace(entry: AccountToken, token: Token, now: datetime) -> None:
    account, old_id = entry.account, entry.token_id
    if AccountToken.objects.filter(account=account, token=token).exists():
        entry.delete()
    else:
        entry.token = token
        entry.save(update_fields=["token"])
    if account.active_token_id == old_id:
        pool.pass_on(account=account, token=token)
    pool.record_event(
        account=account,
        kind=AccountEvent.Kind.LINKED,
        token_id=token.pk,
        cause=CAUSE,
        source="link",
        actor=token.consented_by,
        now=now,
    )
