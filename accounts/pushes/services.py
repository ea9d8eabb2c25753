"""What a push that was signed well does at once, in a transaction of its own. No channel is called here.

A statement of the channel that the person removed our app kills the token, where it is certain. Everything else is a hint: the token,
or the ad account, becomes due, and a worker is asked to look.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Account
from accounts.pushes import deletion, tasks
from accounts.pushes.tasks import SOURCE
from infra.asking_workers import ask_on_commit
from tokens import lifecycle
from tokens.channels.kinds import Classification, Inspection, Reason, Verdict
from tokens.channels.pushes import News, Push
from tokens.models import ChannelApp, DeletionRequest, Token

CLOCKS_DIFFER = timedelta(minutes=5)  # between a channel's clock and ours, at most
OVERTAKEN = timedelta(
    days=1
)  # a hint so old says nothing that the checks of every few hours have not found since
CODE_BYTES = 20  # of a confirmation code: nobody guesses one; Facebook wants letters and digits


def take_pushes(app: ChannelApp, pushes: Iterable[Push], *, now: datetime) -> None:
    """Act on the news of one push. News of people and ad accounts that we do not know is passed over."""
    for push in pushes:
        if push.news == News.ACCOUNT_CHANGED:
            _account_changed(app, push, now)
        else:
            _person_changed(app, push, now)


@transaction.atomic
def _person_changed(app: ChannelApp, push: Push, now: datetime) -> None:
    tokens = Token.objects.filter(app=app, native_user_id=push.native_user_id)
    token = tokens.locked().first()
    if token is None or is_older_than_consent(push, token, by=CLOCKS_DIFFER):
        return
    if _is_certain(push, token, now):
        _kill(token, push, now)
    elif token.state != Token.State.DEAD and not _is_overtaken(push, now):
        _ask(token, now)


def _is_certain(push: Push, token: Token, now: datetime) -> bool:
    """Return whether the push ends the token by itself: the channel says so, by a date that is after all that speaks for the token.

    Without a date, with one from just before the consent or from the future, or where the channel has said since that the token works,
    the channel is asked.
    """
    if push.news != News.CANCELLED or push.at is None or is_older_than_consent(push, token):
        return False
    proven_since = token.proven_at is not None and token.proven_at - CLOCKS_DIFFER > push.at
    return not proven_since and push.at <= now + CLOCKS_DIFFER


def _is_overtaken(push: Push, now: datetime) -> bool:
    """Return whether the checks have asked since. So a push that somebody caught and sends again and again costs no calls for ever."""
    return push.at is not None and push.at < now - OVERTAKEN


def is_older_than_consent(push: Push, token: Token, *, by: timedelta = timedelta(0)) -> bool:
    """Return whether the push speaks of an earlier consent than the token's newest. Channels give whole seconds.

    Where the channel dates the token itself that date counts: it is of the same clock as the push.
    """
    if push.at is None:
        return False
    consented_at = (token.issued_at or token.linked_at).replace(microsecond=0)
    return push.at < consented_at - by


def _kill(token: Token, push: Push, now: datetime) -> None:
    reason = Reason.AUTHORISATION_CANCELLED
    if token.state == Token.State.DEAD and token.reason == reason:
        return  # told twice
    assert push.at is not None  # it is certain
    lifecycle.record_inspection(
        token_id=token.pk,
        generation=token.generation,
        inspection=Inspection(
            Classification(Verdict.TOKEN_DEAD, reason, row=f"push {push.row}"),
            evidence={"push": push.row, "at": push.at.isoformat()},
        ),
        now=now,
        source=SOURCE,
        told=True,
    )


def _ask(token: Token, now: datetime) -> None:
    Token.objects.filter(pk=token.pk).make_due(now)
    ask_on_commit(tasks.check_token, token.pk)


@transaction.atomic
def _account_changed(app: ChannelApp, push: Push, now: datetime) -> None:
    if _is_overtaken(push, now):
        return
    account = Account.objects.filter(channel=app.channel, native_id=push.native_account_id).first()
    if account is None or account.active_token_id is None:
        return
    # Should the kick below be lost, the sweep reads the account with its token.
    Token.objects.living().filter(pk=account.active_token_id).make_due(now)
    ask_on_commit(tasks.read_account, account.pk)


@transaction.atomic
def take_deletion(app: ChannelApp, push: Push, *, signed: str, now: datetime) -> DeletionRequest:
    """Keep a request to delete, once per signed text, and have a worker carry it out. Returns the row that answers it.

    A request from before the person's newest consent is done at once: only the history up to it goes.
    """
    request, is_new = DeletionRequest.objects.get_or_create(
        request_hash=hashlib.sha256(f"{app.pk}:{signed}".encode()).hexdigest(),
        defaults={
            "app": app,
            "native_user_id": push.native_user_id,
            "code": secrets.token_hex(CODE_BYTES),
            "received_at": now,
        },
    )
    if not is_new:
        return request
    token = Token.objects.filter(app=app, native_user_id=push.native_user_id).locked().first()
    if token is not None and push.at is not None and is_older_than_consent(push, token):
        deletion.forget_history(token, before=push.at)
        request.native_user_id, request.state, request.done_at = "", DeletionRequest.State.DONE, now
        request.save(update_fields=["native_user_id", "state", "done_at"])
    else:
        ask_on_commit(tasks.delete_requested)
    return request
