"""Choosing which of the offered ad accounts to keep connected. Everything comes from the list that the callback kept."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import faces, pairs, pool, selection
from accounts.models import Account, AccountEvent, AccountToken, PendingLink
from accounts.names import Names
from tokens import channels, lifecycle
from tokens.channels.base import NativeAccount
from tokens.models import Token
from users.models import Team, User

PRESELECT_BELOW = 10


class Gone(Exception):  # noqa: N818  # it is an answer, not an error
    """The pending link was used already, or swept after 15 minutes."""


class NotOffered(Exception):  # noqa: N818
    """An id was ticked that the channel's list does not hold, or that cannot be linked."""


@dataclass(frozen=True)
class Row:
    """One ad account on the choose page."""

    native: NativeAccount
    note: str
    tone: str  # "" (plain), "warn", "limit"
    checked: bool
    disabled: bool


def offered(pending: PendingLink) -> list[NativeAccount]:
    """Return the channel's list as it was kept."""
    return [NativeAccount(**_known(fields)) for fields in pending.offered]


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in NativeAccount.__dataclass_fields__}


def missing_scopes(token: Token) -> list[str]:
    """Return the labels of permissions that were asked for and not granted; nothing where the channel does not say."""
    native = channels.get(token.app.channel)
    if token.scopes is None or not native.partial_grants:
        return []
    return [scope.label for scope in native.scopes if scope.name not in token.scopes]


def rows(pending: PendingLink, user: User) -> list[Row]:
    """Return one row per offered ad account, with who is in it already and what is ticked beforehand."""
    natives = offered(pending)
    existing = {
        account.native_id: account
        for account in Account.objects.filter(
            channel=pending.token.app.channel, native_id__in=[native.native_id for native in natives]
        ).prefetch_related("pool__token__consented_by")
    }
    had = _had_before(pending)
    names = Names(user)
    wanted = {pending.account.native_id} if pending.account else had
    everything = not wanted and len(natives) <= PRESELECT_BELOW
    made = []
    for native in natives:
        account = existing.get(native.native_id)
        people = _people(account, pending.token, user, names) if account else []
        note, tone = _note(
            native, people, linked_by_me=native.native_id in had, channel=pending.token.app.channel
        )
        checked = (native.native_id in wanted or everything) and not native.closed
        if everything and (native.can_publish == "no" or native.restriction):
            checked = False
        made.append(Row(native, note, tone, checked, native.closed))
    return made


def _had_before(pending: PendingLink) -> set[str]:
    entries = AccountToken.objects.filter(token=pending.token, access=AccountToken.Access.OK)
    return set(entries.values_list("account__native_id", flat=True))


def _people(account: Account, token: Token, user: User, names: Names) -> list[str]:
    """Return who else can carry the account, by the name a colleague knows."""
    people = []
    for entry in account.pool.all():
        other = entry.token
        if other.pk == token.pk or not selection.living(entry):
            continue
        person = other.consented_by
        name = person.get_short_name() if person and person.pk != user.pk else other.native_user_name
        if not names.sees_token(other, account):
            name = faces.ELSEWHERE
        if name not in people:
            people.append(name)
    return people


def _note(
    native: NativeAccount, people: Sequence[str], *, linked_by_me: bool, channel: str
) -> tuple[str, str]:
    label = channels.get(channel).label
    if native.closed:
        return "Cannot be linked", ""
    if native.restriction:
        return f"Restricted at {label}: {native.restriction}", "limit"
    if native.can_publish == "no":
        return "Can report only. Not a backup.", ""
    if linked_by_me:
        return "Linked by you already", ""
    if people:
        return f"Linked by {faces.join_names(people)}. You become a backup.", ""
    return "Nobody else: no backup yet", "warn"


@transaction.atomic
def save(*, pending_id: uuid.UUID, user: User, native_ids: Iterable[str], now: datetime) -> list[Account]:
    """Link the chosen accounts, in one transaction, once. Returns them in the order of their names.

    Raises Gone where the pending link was used or swept, NotOffered for an id that the channel's list does not hold.
    """
    pending = (
        PendingLink.objects.select_related("token__app", "account").filter(pk=pending_id, user=user).first()
    )
    if pending is None or not PendingLink.objects.filter(pk=pending_id, user=user).delete()[0]:
        raise Gone
    by_id = {native.native_id: native for native in offered(pending) if not native.closed}
    chosen = sorted(set(native_ids))
    unknown = [native_id for native_id in chosen if native_id not in by_id]
    if unknown:
        raise NotOffered(", ".join(unknown))
    token = Token.objects.locked().select_related("app", "team").get(pk=pending.token_id)
    team = pending.account.team if pending.account else token.team or home_team(user)
    accounts = _ensure_accounts([by_id[native_id] for native_id in chosen], token, team, now)
    for account in accounts:
        _ensure_entry(account, token, by_id[account.native_id], user, now)
    lifecycle.note_linked(token_ids=[token.pk], now=now)
    pool.settle(
        account_ids=[account.pk for account in accounts], cause="linked", now=now, source="link", actor=user
    )
    return sorted(accounts, key=lambda account: account.name)


def home_team(user: User) -> Team:
    """Return the team that a person's first link gives an account: the first of his teams, else the default one."""
    membership = user.memberships.select_related("team").order_by("pk").first()
    return membership.team if membership else Team.default()


def _ensure_accounts(
    natives: Sequence[NativeAccount], token: Token, team: Team, now: datetime
) -> list[Account]:
    """Make the missing rows in the order of native ids, then lock all by id.

    So two people who link at once do not wait for each other in a circle.
    """
    channel = token.app.channel
    Account.objects.bulk_create(
        [
            Account(
                channel=channel,
                native_id=native.native_id,
                name=native.name,
                team=team,
                created_at=now,
                since=now,
            )
            for native in natives
        ],
        ignore_conflicts=True,
    )
    ids = [native.native_id for native in natives]
    return list(Account.objects.filter(channel=channel, native_id__in=ids).locked())


def _ensure_entry(account: Account, token: Token, native: NativeAccount, user: User, now: datetime) -> None:
    pairs.update_account(account, native, now=now, source="link")
    entry, created = AccountToken.objects.get_or_create(
        account=account, token=token, defaults={"added_by": user, "added_at": now}
    )
    entry.account, entry.token = account, token
    pairs.write_entry(entry, native, now)
    if created:
        pool.record(
            account=account,
            kind=AccountEvent.Kind.LINKED,
            token_id=token.pk,
            source="link",
            actor=user,
            now=now,
        )


def welcome_back(pending: PendingLink) -> HttpResponse:
    """Finish without the choose page: the same person came back for an account that this log-in carries already."""
    PendingLink.objects.filter(pk=pending.pk).delete()
    assert pending.account is not None  # the caller checked it
    carried = AccountToken.objects.filter(token=pending.token, access=AccountToken.Access.OK)
    ids = [pending.account.pk, *carried.exclude(account=pending.account).values_list("account_id", flat=True)]
    return redirect(pending.next or done_url(ids, again=True))


def done_url(account_ids: Iterable[int], *, again: bool = False) -> str:
    """Return the address of the page that says what is linked now."""
    query = [("account", pk) for pk in list(account_ids)[:50]]
    if again:
        query.append(("again", 1))
    return f"{reverse('linked')}?{urlencode(query)}"
