"""Receiving pushes: addresses without session, log-in or CSRF token. What proves a sender is the signature over what it sends."""

import logging
from collections.abc import Callable
from functools import partial, wraps

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import addresses
from accounts.pushes import receiving, signers
from accounts.pushes.errors import Refused
from accounts.pushes.limits import refusals
from tokens import push_addresses
from tokens.channels.facebook import pushes as facebook
from tokens.channels.pushes import LARGEST_BODY, UnreadablePush
from tokens.channels.tiktok import pushes as tiktok
from tokens.channels.x import pushes as x
from tokens.models import DeletionRequest

logger = logging.getLogger(__name__)

LONGEST_CHALLENGE = 200
TAKEN = "Thank you."


def push(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Wrap what a channel calls: refusals become short texts. A sender of many bad ones learns and logs nothing more for a while.

    What is signed well is never turned away: behind a proxy that we were not told of all senders look the same.

    CSRF does not apply: a channel carries no cookie that somebody could abuse, and each view checks a signature or a secret.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            _refuse_large(request)
            return view(request, *args, **kwargs)
        except Refused as refused:
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
        logger.warning("a push to %s was refused: %s %s", view.__name__, status, words)
        return _text(words, status)

    return csrf_exempt(never_cache(answer))


@push
@require_POST
def facebook_deauthorise(request: HttpRequest) -> HttpResponse:
    """Facebook's deauthorise callback: a person removed our app."""
    signed = _signed_request(request)
    app = signers.signer("facebook", partial(facebook.signed_by, signed))
    receiving.take(app, [facebook.read_deauthorise(signed)], now=timezone.now())
    return _text(TAKEN)


@push
@require_POST
def facebook_delete(request: HttpRequest) -> HttpResponse:
    """Facebook's data deletion callback. Answers where the person can follow it, and a code."""
    signed = _signed_request(request)
    app = signers.signer("facebook", partial(facebook.signed_by, signed))
    received = receiving.take_deletion(
        app, facebook.read_deletion(signed), signed=facebook.payload_of(signed), now=timezone.now()
    )
    url = addresses.of("deletion_status", received.code)
    return JsonResponse({"url": url, "confirmation_code": received.code})


@require_GET
@never_cache
def deletion_status(request: HttpRequest, code: str) -> HttpResponse:
    """Show how far a request to delete is. Whoever holds the code may see it; it names nobody."""
    found = get_object_or_404(DeletionRequest.objects.select_related("app"), code=code)
    context = {"deletion": found, "channel": found.app.get_channel_display()}
    return render(request, "site/deletion.html", context)


@push
@require_http_methods(["GET", "POST"])
def facebook_webhook(request: HttpRequest) -> HttpResponse:
    """Facebook's webhook of permissions: GET proves that the address is ours, POST brings news."""
    if request.method == "GET":
        return _facebook_challenge(request)
    header = request.headers.get("X-Hub-Signature-256", "")
    app = signers.signer("facebook", partial(facebook.webhook_signed_by, request.body, header))
    receiving.take(app, facebook.read_webhook(request.body), now=timezone.now())
    return _text(TAKEN)


def _facebook_challenge(request: HttpRequest) -> HttpResponse:
    challenge = request.GET.get("hub.challenge", "")
    if request.GET.get("hub.mode") != "subscribe" or not 0 < len(challenge) <= LONGEST_CHALLENGE:
        raise Refused(400, "This address takes Facebook's webhooks.")
    signers.holder("facebook", push_addresses.VERIFY_TOKEN, request.GET.get("hub.verify_token", ""))
    return _text(challenge)


@push
@require_http_methods(["GET", "POST"])
def x_webhook(request: HttpRequest, app_id: int | None = None) -> HttpResponse:
    """X's webhook: GET is X's challenge, POST brings an event. Without an id the challenge is answered for the default app."""
    if request.method == "GET":
        return _x_challenge(request, app_id)
    header = request.headers.get("X-Twitter-Webhooks-Signature", "")
    app = signers.signer("x", partial(x.signed_by, request.body, header))
    receiving.take(app, x.read(request.body), now=timezone.now())
    return _text(TAKEN)


def _x_challenge(request: HttpRequest, app_id: int | None) -> HttpResponse:
    secret = signers.secret_of("x", app_id)
    return JsonResponse({"response_token": x.challenge_answer(request.GET.get("crc_token", ""), secret)})


@push
@require_POST
def tiktok_webhook(request: HttpRequest, key: str) -> HttpResponse:
    """TikTok's subscriptions. TikTok documents no signature for them, so the address holds a key and the news is a hint only."""
    app = signers.holder("tiktok", push_addresses.ADDRESS_KEY, key)
    receiving.take(app, tiktok.read(request.body), now=timezone.now())
    return _text(TAKEN)


def _sender(request: HttpRequest) -> str:
    """Return the sender's network address; "" where nothing tells it (a socket file without TRUSTED_PROXIES), so nobody is counted."""
    try:
        return get_adapter().get_client_ip(request)  # type: ignore[no-any-return]  # allauth ships no types
    except PermissionDenied:
        return ""


def _signed_request(request: HttpRequest) -> str:
    signed = request.POST.get("signed_request", "")
    if not signed:
        raise UnreadablePush("The form has no signed_request.")
    return signed


def _refuse_large(request: HttpRequest) -> None:
    """Django reads no more than the length that was announced, so that is what counts."""
    length = request.headers.get("Content-Length") or "0"
    if not (length.isascii() and length.isdigit() and len(length) <= 12) or int(length) > LARGEST_BODY:
        raise Refused(400, "The body is too large.")


def _text(words: str, status: int = 200) -> HttpResponse:
    answer = HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
    # Django would log each refusal once more, beyond the limit too.
    answer._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001  # what its own logging looks at
    return answer
