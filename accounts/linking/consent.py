"""A person comes back from a channel: the consent is kept at once, so that a closed tab loses nothing.

No transaction is open during calls. Then, in one: the token's row, access and "can publish" of all its pool entries, the settled pools, and
the list in a PendingLink. A system user's token that staff pasted is looked at first, owned by a team; then comes the same choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone

from accounts.asks import inviting, progress
from accounts.linking import choosing, problems
from accounts.models import Account, AccountToken, LinkProblem, PendingLink
from accounts.pool.errors import ActionRefused
from accounts.sync import app_migration
from accounts.sync import doubts as access_doubts
from accounts.sync import entries as pool_entries
from tokens import lifecycle
from tokens.channels import registry
from tokens.channels.kinds import AccountList, ChannelError, Dates, Grant, Identity, Verdict
from tokens.models import ChannelApp, Token
from tokens.token import reasons
from tokens.vault.services import VaultError
from users.models import Team, User

INTENT = "link"


@dataclass(frozen=True)
class Expected:
    """What a handshake began with, as it stands now."""

    app: ChannelApp
    user: User
    target: Account | None


class ConsentRefused(Exception):  # noqa: N818  # an answer
    """The way back is not taken: the person, the channel app or the ad account is not the one that it began with."""

    def __init__(self, kind: LinkProblem.Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


def expected(user: User | AnonymousUser, channel: str, state: Mapping[str, Any]) -> Expected:
    """Return what the handshake of this state is for. `user` comes back from the channel.

    Raises ConsentRefused; nothing was exchanged at the channel then.
    """
    data = state.get("data") or {}
    if state.get("process") != "redirect" or data.get("intent") != INTENT:
        raise ConsentRefused(LinkProblem.Kind.TOO_LATE, "no link intent")
    if not isinstance(user, User) or not user.is_active or data.get("user") != str(user.pk):
        raise ConsentRefused(LinkProblem.Kind.FOREIGN, "another user")
    app = ChannelApp.objects.filter(channel=channel, is_default=True, client_id=data.get("client_id")).first()
    if app is None:
        raise ConsentRefused(LinkProblem.Kind.TOO_LATE, "the channel app changed meanwhile")
    target = None
    if wanted := data.get("account"):
        target = Account.objects.visible_to(user).filter(pk=int(wanted), channel=channel).first()
        if target is None:
            raise ConsentRefused(LinkProblem.Kind.TARGET_GONE, "the ad account is out of reach")
    return Expected(app, user, target)


def ask_for_list(app: ChannelApp, identity: Identity, grant: Grant) -> AccountList:
    """Ask for the ad accounts once. A list that failed is empty and incomplete: it changes nothing."""
    try:
        return registry.get(app.channel).list_accounts(app.keys(), grant.credentials, identity, grant.scopes)
    except ChannelError as error:
        problems.note_fault(app, error, "list_accounts", timezone.now())
        return AccountList((), complete=False)


@transaction.atomic
def keep(
    *,
    app: ChannelApp,
    user: User,
    identity: Identity,
    grant: Grant,
    listed: AccountList,
    target: Account | None,
    next_url: str,
    now: datetime,
    team: Team | None = None,
    wanted: Sequence[str] | None = None,
) -> PendingLink:
    """Write token, pools and pending link in one transaction. `team` owns a system user's token; else the user's own team does.

    `wanted`: native ids of the ad accounts that the person was asked for. Raises ConsentRefused where the person was locked out since the
    handshake began.
    """
    # Whoever locks a person out waits for this row, and ends what is kept here; or was first, and nothing is.
    if not User.objects.select_for_update(no_key=True).get(pk=user.pk).is_active:
        raise ConsentRefused(LinkProblem.Kind.FOREIGN, "locked out")
    team = team or choosing.own_teams(user)[0]
    token = lifecycle.store_consent(app=app, identity=identity, grant=grant, user=user, team=team, now=now)
    app_migration.adopt_accounts(token=token, listed=listed, now=now, source="link")
    lost = pool_entries.apply_list(
        token=token, generation=token.generation, listed=listed, now=now, source="link", consented=True
    )
    progress.settle(now=now, people=[user.pk])
    inviting.note_linked(user=user, now=now)
    return PendingLink.objects.create(
        user=user,
        token=token,
        account=target,
        offered=[asdict(native) for native in listed.accounts],
        complete=listed.complete,
        no_longer=lost,
        next=next_url,
        wanted=None if wanted is None else list(wanted),
        created_at=now,
    )


def came_back(pending: PendingLink) -> bool:
    """Return whether the choose page can be skipped: the person was sent here for an account that this log-in carries already.

    It is not skipped when the grant got smaller, the list is incomplete, or publishing was not granted.
    """
    if pending.account is None or pending.no_longer or not pending.complete:
        return False
    if choosing.missing_scopes(pending.token):
        return False
    return AccountToken.objects.filter(
        account=pending.account, token=pending.token, access=AccountToken.Access.OK
    ).exists()


def ask_again(pending: PendingLink, now: datetime) -> None:
    """Read the list again with the kept log-in, and write what it says over pools and pending link."""
    token = Token.objects.select_related("app").get(pk=pending.token_id)
    listed = ask_for_list(
        token.app, token.identity, Grant(token.unseal(), Dates(), token.scopes and tuple(token.scopes))
    )
    asked_with: dict[str, Any] = {
        "token": token,
        "generation": token.generation,
        "listed": listed,
        "now": now,
        "source": "link",
    }
    doubted = access_doubts.weigh(readings={}, **asked_with)
    with transaction.atomic():
        lost = pool_entries.apply_list(doubted=doubted, **asked_with)
        PendingLink.objects.filter(pk=pending.pk).update(
            offered=[asdict(native) for native in listed.accounts],
            complete=listed.complete,
            no_longer=sorted({*pending.no_longer, *lost}),
        )


def take(*, app: ChannelApp, team: Team, actor: User, access_token: str, now: datetime) -> PendingLink:
    """Ask the channel whose token it is and which ad accounts it reaches, keep it, and return what is to be chosen from.

    Raises ActionRefused with words for staff; nothing is kept then.
    """
    channel = registry.get(app.channel)
    try:
        keys = app.keys()
        found = channel.inspect_pasted(keys, access_token)
    except ChannelError as error:
        problems.note_fault(app, error, "introspect", now)
        raise _refusal(channel.label, app.channel, error) from error
    except (ValueError, VaultError) as error:
        raise ActionRefused("as_told", text=str(error)) from error
    listed = ask_for_list(app, found.identity, found.grant)
    return keep(
        app=app,
        user=actor,
        identity=found.identity,
        grant=found.grant,
        listed=listed,
        target=None,
        next_url="",
        now=now,
        team=team,
    )


def _refusal(label: str, channel: str, error: ChannelError) -> ActionRefused:
    classification = error.classification
    if classification.verdict in {Verdict.TOKEN_DEAD, Verdict.CONFIRM_FIRST}:
        said = reasons.explain(channel, classification.reason or "unknown").short
        return ActionRefused("token_refused", channel=label, reason=said)
    if classification.verdict == Verdict.APP_FAULT:
        return ActionRefused("app_refused", channel=label)
    return ActionRefused("no_proper_answer", channel=label, verdict=str(classification.verdict))
