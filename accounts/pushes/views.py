"""Receiving pushes: addresses without session, log-in or CSRF token. What proves a sender is the signature over what it sends.

The addresses are those that the channels' packages name (`Channel.pushes`); no channel is named here.
"""

import logging
from collections.abc import Callable, Mapping

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.pushes import receiving
from accounts.pushes.signers import AppSigners, PushRefused
from infra import request_logs
from infra.limits import refusals
from tokens.channels.pushes import LARGEST_BODY, Challenge, Deletion, PushPoint, Taken, UnreadablePush
from ui import addresses

logger = logging.getLogger(__name__)

TAKEN = "Thank you."


def view_of(channel: str, point: PushPoint) -> Callable[..., HttpResponse]:
    """Return the view of what a channel calls: refusals become short texts. A sender of many bad ones learns and logs nothing more.

    What is signed well is never turned away: behind a proxy that we were not told of all senders look the same.

    CSRF does not apply: a channel carries no cookie that somebody could abuse, and each package checks a signature or a secret.
    """
    name = f"{channel}_{point.receive.__name__}"

    def answer(request: HttpRequest, **captured: object) -> HttpResponse:
        request_logs.leave_out(request)  # Django would log each refusal once more, beyond the limit too
        try:
            _refuse_large(request)
            return _act(point.receive(request, AppSigners(channel), **captured))
        except PushRefused as refused:
            status, words = refused.status, refused.text
        except UnreadablePush as error:
            status, words = 400, str(error)
        except (SuspiciousOperation, MultiPartParserError, UnreadablePostError):
            status, words = 400, "The body cannot be read."
        sender = _sender(request)
        if sender and refusals.too_many(sender):
            return _text("Too many bad requests. Wait a minute.", 429)
        if sender:
            refusals.count(sender)
        logger.warning("a push to %s was refused: %s %s", name, status, words)
        return _text(words, status)

    return csrf_exempt(never_cache(require_http_methods(list(point.methods))(answer)))


def _act(said: Taken | Deletion | Challenge) -> HttpResponse:
    """Act on what a package made of a push, and answer the channel."""
    if isinstance(said, Challenge):
        return JsonResponse(said.answer) if isinstance(said.answer, Mapping) else _text(said.answer)
    if isinstance(said, Deletion):
        received = receiving.take_deletion(said.app, said.push, signed=said.signed, now=timezone.now())
        url = addresses.absolute_url("deletion_status", received.code)
        return JsonResponse({"url": url, "confirmation_code": received.code})
    receiving.take(said.app, said.pushes, now=timezone.now())
    return _text(TAKEN)


def _sender(request: HttpRequest) -> str:
    """Return the sender's network address; "" where nothing tells it (a socket file without TRUSTED_PROXIES), so nobody is counted."""
    try:
        return get_adapter().get_client_ip(request)  # type: ignore[no-any-return]  # allauth ships no types
    except PermissionDenied:
        return ""


def _refuse_large(request: HttpRequest) -> None:
    """Django reads no more than the length that was announced, so that is what counts."""
    length = request.headers.get("Content-Length") or "0"
    if not (length.isascii() and length.isdigit() and len(length) <= 12) or int(length) > LARGEST_BODY:
        raise PushRefused(400, "The body is too large.")


def _text(words: str, status: int = 200) -> HttpResponse:
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
