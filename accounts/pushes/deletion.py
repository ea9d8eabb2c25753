"""Carrying out a person's request to have deleted what we hold of them. Done by a worker, and begun again where one was killed."""

import logging
import re
import time
from collections.abc import Iterable
from datetime import datetime
from html import unescape
from itertools import batched

from django.db import transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from accounts import message_history
from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from accounts.pool.errors import WORDS
from notifications.models import Message
from tokens.checks import removal
from tokens.models import DeletionRequest, Token, UnknownAnswer
from ui import stored_phrases as kept
from ui.phrases import phrase

logger = logging.getLogger(__name__)

BATCH = 100
IN_PLACE_OF_A_NAME = "(deleted)"
MAILS_OF_AN_ACCOUNT = 10_000  # the newest are looked through
MAILS_TAKE = (
    10.0  # seconds that a mail which is being sent is waited for; after that the next sweep does the rest
)


def carry_out_deletions(*, now: datetime) -> int:
    """Carry out what was received and is not done. Returns how many were done."""
    waiting = DeletionRequest.objects.filter(state=DeletionRequest.State.RECEIVED).select_related("app")
    done = 0
    for request in waiting.order_by("received_at", "id")[:BATCH]:
        try:
            done += carry_out_deletion(request, now=now)
        except Exception:  # one that fails must not keep the others waiting; it comes again
            logger.exception("deletion request %s could not be carried out", request.pk)
    return done


def carry_out_deletion(request: DeletionRequest, *, now: datetime) -> bool:
    """Delete what we hold of the person, and return whether that is done; if not, it is to be called again.

    1. Take the token out of every pool, so that no more mail is written about it: nobody is asked to link again by this.
    2. Cancel the authorisation at the channel, as far as it can be done.
    3. Wait for mails that are being sent: their copies are kept only afterwards, and may name the person.
    4. Delete. Until then the token is there, so whatever ends in between can be begun again.

    A person who consented again after the request keeps what that consent gave; what is older goes.
    """
    of_person = Token.objects.filter(app=request.app, native_user_id=request.native_user_id)
    token = of_person.select_related("app").first()
    if token is not None and token.linked_at <= request.received_at:
        with transaction.atomic():
            of_person.locked().first()  # a token before its accounts, as everywhere
            _leave_pools(token, now)
        if token.state != Token.State.DEAD or (token.is_removed and token.credentials is not None):
            removal.tell_channel(token)
        if not _mails_are_sent():
            return False
    with transaction.atomic():
        # The full lock: nobody links an account to this token between settling and deleting.
        token = of_person.select_for_update(of=("self",)).first()
        if token is not None and token.linked_at > request.received_at:
            forget_history(token, before=request.received_at)
        elif token is not None:
            _blank_mails(token)
            _delete(token, now)
        _blank_id(request)
        DeletionRequest.objects.filter(pk=request.pk).update(
            state=DeletionRequest.State.DONE, done_at=now, native_user_id=""
        )
    return True


def forget_history(token: Token, *, before: datetime) -> None:
    """Delete what happened to a token, with its evidence, up to a moment."""
    token.events.filter(at__lte=before).delete()
    token.doubts.filter(began_at__lte=before).delete()


def _mails_are_sent() -> bool:
    """Wait until the mails that are being sent now are. Returns whether they are."""
    sending = Message.objects.filter(state=Message.State.SENDING, claimed_until__gt=timezone.now())
    ids = list(sending.values_list("pk", flat=True))
    began = time.monotonic()
    while waiting := sending.filter(pk__in=ids).exists():
        if time.monotonic() - began > MAILS_TAKE:
            break
        time.sleep(0.1)
    return not waiting


def _delete(token: Token, now: datetime) -> None:
    """Delete the token with its history."""
    _leave_pools(token, now)
    token.delete()


def _leave_pools(token: Token, now: datetime) -> None:
    """Take the token out of every pool, and let the accounts go on through others."""
    pools = AccountToken.objects.filter(token=token)
    accounts = list(Account.objects.filter(pk__in=pools.values("account_id")).locked())
    for account in accounts:
        pool.record_event(
            account=account,
            kind=AccountEvent.Kind.UNLINKED,
            note=kept.keep(WORDS, "deletion_asked_for"),
            source="push",
            now=now,
        )
    pools.delete()
    ids = [account.pk for account in accounts]
    pool.settle(
        account_ids=ids, cause="unlinked", now=now, source="push", note=kept.keep(WORDS, "deletion_asked_for")
    )


def _blank_mails(token: Token) -> None:
    """Blank the kept copies of mails that tell of this log-in, and of those about its accounts that name the person.

    Which mails those are is known by ids. A name alone says nothing: another person may bear it, and "Ben" is part of "Benefit".
    """
    of_token = Q(payload__contains={"token": token.pk}) | Q(payload__contains={"tokens": [token.pk]})
    ids = set(Message.objects.filter(of_token).values_list("pk", flat=True))
    if token.native_user_name:
        ids |= _naming(token.native_user_name, _about_accounts_of(token))
    for some in batched(ids, BATCH, strict=False):
        Message.objects.filter(pk__in=some).exclude(text="", html="", subject="").update(
            subject=IN_PLACE_OF_A_NAME, text=phrase(WORDS, "text_not_kept"), html=""
        )


def _about_accounts_of(token: Token) -> set[int]:
    """Return the messages about the accounts whose pool contains the token, or once did."""
    happened = AccountEvent.objects.filter(Q(token=token) | Q(from_token=token)).values("account")
    linked = AccountToken.objects.filter(token=token).values("account")
    accounts = Account.objects.filter(Q(pk__in=happened) | Q(pk__in=linked))
    return {
        one.message.pk
        for account in accounts
        for one in message_history.messages_about(account, limit=MAILS_OF_AN_ACCOUNT)
    }


def _naming(name: str, ids: Iterable[int]) -> set[int]:
    """Return those of the messages that hold the whole name, not as a part of another word."""
    whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    found: set[int] = set()
    for some in batched(ids, BATCH, strict=False):
        for message in Message.objects.filter(pk__in=some).only("subject", "text", "html"):
            if whole.search(f"{message.subject}\n{message.text}\n{unescape(message.html)}"):
                found.add(message.pk)
    return found


def _blank_id(request: DeletionRequest) -> None:
    """Take answers of the channel out of the list of unknown ones where they name the person."""
    whole = rf"(^|\W){re.escape(request.native_user_id)}(\W|$)"
    answers = UnknownAnswer.objects.filter(app=request.app).annotate(said=Cast("sample", TextField()))
    answers.filter(said__regex=whole).update(sample={"body": IN_PLACE_OF_A_NAME})
