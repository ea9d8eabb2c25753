"""A person comes back from a channel: the consent is kept at once, so that a closed tab loses nothing.

No transaction is open during calls. Then, in one: the token's row, access and "can publish" of all its pool entries, the settled pools, and
the list in a PendingLink. A system user's token that staff pasted is looked at first, owned by a team; then comes the same choice.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.asks import links, progress
from accounts.linking.renewing import NotOpen
from accounts.models import Account, AccountToken, Ask, LinkProblem, PendingLink
from accounts.pool.errors import ActionRefused
from accounts.sync import app_migration
from accounts.sync import entries as pool_entries
from tokens import lifecycle
from tokens.channels import registry
from tokens.channels.kinds import AccountList, ChannelError, Grant, Identity, Verdict
from tokens.lifecycle import app_faults
from tokens.models import ChannelApp, Token
from tokens.token import reasons
from tokens.unknown_answers import services as unknown_answers
from tokens.vault.services import VaultError
from users.models import Team, User

logger = logging.getLogger(__name__)
LINK_INTENT = "link"
CLIENT_INTENT = "client"
KEPT = timedelta(days=90)  # of problems


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


def expected_consent(user: User | AnonymousUser, channel: str, state: Mapping[str, Any]) -> Expected:
    """Return what the handshake of this state is for. `user` comes back from the channel.

    Raises ConsentRefused; nothing was exchanged at the channel then.
    """
    data = state.get("data") or {}
    if state.get("process") != "redirect" or data.get("intent") != LINK_INTENT:
        raise ConsentRefused(LinkProblem.Kind.TOO_LATE, "no link intent")
    if not isinstance(user, User) or not user.is_active or data.get("user") != str(user.pk):
        raise ConsentRefused(LinkProblem.Kind.FOREIGN, "another user")
    app = ChannelApp.objects.leading().filter(channel=channel, client_id=data.get("client_id")).first()
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
        note_fault(app, error, "list_accounts", timezone.now())
        return AccountList((), complete=False)


@transaction.atomic
def keep_consent(
    *,
    app: ChannelApp,
    user: User,
    identity: Identity,
    grant: Grant,
    listed: AccountList,
    target: Account | None,
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
    team = team or user.teams_by_last_link()[0]
    token = lifecycle.store_consent(app=app, identity=identity, grant=grant, user=user, team=team, now=now)
    old = app_migration.adopt_accounts(token=token, listed=listed, now=now)
    lost = pool_entries.apply_answers(
        token=token, generation=token.generation, listed=listed, now=now, source="link", consented=True
    )
    progress.note_moved(token_ids=old, now=now)
    progress.settle_asks(now=now, people=[user.pk])
    progress.note_linked(user=user, now=now)
    return PendingLink.objects.create(
        user=user,
        token=token,
        account=target,
        offered=[asdict(native) for native in listed.accounts],
        complete=listed.complete,
        no_longer=lost,
        wanted=None if wanted is None else list(wanted),
        created_at=now,
    )


def discard_consent(sociallogin: SocialLogin) -> None:
    """Have the channel end a consent that is not kept, as far as it can be done. Outside any transaction.

    Where that native user has a log-in here it is left alone: at most channels the call ends whatever the person gave our app.
    """
    channel, consent = sociallogin.account.provider, sociallogin.adtoken
    client_id = (sociallogin.state.get("data") or {}).get("client_id")
    app = ChannelApp.objects.filter(channel=channel, client_id=client_id).first()
    known = Token.objects.filter(app=app, native_user_id=consent.identity.native_user_id)
    if app is None or known.not_removed().exists():
        return
    try:
        registry.get(channel).revoke(app.keys(), consent.grant.credentials)
    except (ChannelError, VaultError, ValueError) as error:
        logger.warning("a consent at %s that was not kept could not be revoked: %s", channel, error)


def finish_renewal(pending: PendingLink) -> str:
    """Finish without the choose page: the same person came back for an account that this log-in carries. Return where it leads."""
    pending.delete()
    carried = AccountToken.objects.filter(token=pending.token, access=AccountToken.Access.OK)
    ids = carried.values_list("account_id", flat=True)
    return pending.url_when_done(sorted(ids, key=lambda pk: pk != pending.account_id), again=True)


def take_system_user(
    *, app: ChannelApp, team: Team, actor: User, access_token: str, now: datetime
) -> PendingLink:
    """Ask the channel whose token it is and which ad accounts it reaches, keep it, and return what is to be chosen from.

    Raises ActionRefused with words for staff; nothing is kept then.
    """
    channel = registry.get(app.channel)
    try:
        keys = app.keys()
        found = channel.inspect_pasted(keys, access_token)
    except ChannelError as error:
        note_fault(app, error, "introspect", now)
        raise _refusal(channel.label, app.channel, error) from error
    except (ValueError, VaultError) as error:
        raise ActionRefused("as_told", text=str(error)) from error
    listed = ask_for_list(app, found.identity, found.grant)
    return keep_consent(
        app=app,
        user=actor,
        identity=found.identity,
        grant=found.grant,
        listed=listed,
        target=None,
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


# --- the consent of somebody who came by a client link: kept for the contact that the link makes -----------------------------


def expected_by_client(channel: str, state: Mapping[str, Any], now: datetime) -> tuple[ChannelApp, Ask]:
    """Return the app and the link that a handshake began with. Raises NotOpen; nothing was exchanged at the channel then."""
    data = state.get("data") or {}
    link = Ask.objects.client_links().filter(pk=data.get("client_link", 0)).first()
    app = ChannelApp.objects.leading().filter(channel=channel, client_id=data.get("client_id")).first()
    if link is None or app is None or channel not in link.left or not link.opens(now):
        raise NotOpen(link)
    return app, link


def keep_for_client(
    *,
    app: ChannelApp,
    link: Ask,
    identity: Identity,
    grant: Grant,
    listed: AccountList,
    now: datetime,
) -> PendingLink:
    """Write the log-in, and of its list what the link asks for. Raises NotOpen where the link opens nothing any longer.

    A native user who has a log-in here already stays that person's: a link takes nobody's log-in over, and makes no contact then; a
    contact joins the link's team with what they choose.
    """
    now_open = Ask.objects.client_links().filter(pk=link.pk).first()
    if now_open is None or not now_open.opens(now):  # it ended while the channel told its list
        raise NotOpen(now_open)
    known = Token.objects.filter(app=app, native_user_id=identity.native_user_id).not_removed()
    owner = User.objects.filter(tokens__in=known, is_active=True).first()
    asked = link.native_ids(app.channel)
    facts: dict[str, Any] = {"identity": identity, "grant": grant, "listed": listed, "team": link.team}
    with transaction.atomic():
        user = owner or links.make_contact(now_open)
        pending = keep_consent(app=app, user=user, target=None, wanted=asked, now=now, **facts)
        if asked:
            pending.offered = [one for one in pending.offered if one["native_id"] in asked]
            pending.save(update_fields=["offered"])
        return pending


# --- links that failed: of which kind, and kept for staff under the code that the person read --------------------------------


def new_problem_code() -> str:
    """Return a code that people can read out: LNK-DB917F."""
    return f"LNK-{secrets.token_hex(3).upper()}"


def sweep_problems(*, now: datetime) -> int:
    """Delete what is older than 90 days. Return how many."""
    return LinkProblem.objects.filter(at__lt=now - KEPT).delete()[0]


def problem_kind(error: Any, exception: BaseException | None) -> LinkProblem.Kind:
    """Return what happened, by what allauth says (`error`, one of AuthError) and what was raised on the way."""
    if error == AuthError.CANCELLED:
        return LinkProblem.Kind.STOPPED
    found = channel_error(exception)
    if found is None:  # allauth raises PermissionDenied for a state that is missing, used, or expired
        late = exception is None or isinstance(exception, PermissionDenied)
        return LinkProblem.Kind.TOO_LATE if late else LinkProblem.Kind.UNCLEAR
    if found.classification.verdict in {Verdict.TRANSIENT, Verdict.RATE_LIMITED}:
        return LinkProblem.Kind.SILENT
    if found.classification.verdict == Verdict.APP_FAULT:
        return LinkProblem.Kind.OUR_APP
    return LinkProblem.Kind.TOO_LATE if found.classification.row == "state" else LinkProblem.Kind.UNCLEAR


def problem_detail(error: Any, exception: BaseException | None) -> str:
    """Return for staff what was found: verdict and row, or the names of our exceptions. No secret is in them."""
    found = channel_error(exception)
    if found is not None:
        return f"{found.classification.verdict} {found.classification.row}"
    return f"{error} {type(exception).__name__}"


def channel_error(exception: BaseException | None) -> ChannelError | None:
    """Return what a channel's package said, from among an exception and its causes."""
    while exception is not None:
        if isinstance(exception, ChannelError):
            return exception
        exception = exception.__cause__
    return None


def note_fault(app: ChannelApp, error: ChannelError, call: str, now: datetime) -> None:
    """Keep what a failed call says of our app, and an answer that we do not know. `call`: where the answer does not tell."""
    if error.classification.verdict == Verdict.APP_FAULT:
        call = str(error.evidence.get("call", call))
        app_faults.record_fault(app=app, classification=error.classification, call=call, now=now)
    unknown_answers.keep_answer(app, error.classification, error.evidence, token_id=None, now=now)
