"""Receiving pushes: addresses without session, log-in or CSRF token. What proves a sender is the signature over what it sends.

A push belongs to that one of our channel apps whose secret made its signature. The addresses are those that the channels' packages
name (`Channel.pushes`); no channel is named here.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.pushes import services
from infra import request_logs
from tokens.channel_apps.models import ADDRESS_KEY, VERIFY_TOKEN
from tokens.channels.pushes import Challenge, Deletion, PushPoint, Taken, UnreadablePush, same
from tokens.models import ChannelApp
from tokens.vault.services import VaultError
from ui import addresses


class PushRefused(Exception):  # noqa: N818  # an answer, not a fault
    """The push is not taken. `status` is the answer's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def bad_signature() -> PushRefused:
    """Return the refusal of a push that none of our apps has signed."""
    return PushRefused(403, "None of our apps made this signature.")


RECEIVING = (ChannelApp.State.LIVE, ChannelApp.State.RETIRING)


@dataclass(frozen=True)
class AppSigners:
    """Our apps at one channel that may be pushed to, as what proves a push belongs to them."""

    channel: str

    def signer(self, signed_by: Callable[[str], bool]) -> ChannelApp:
        """Return the app one of whose secrets, newest first, made the signature.

        Raises PushRefused: 403 where none did, 503 where none did but the secrets of one could not be opened, so that the
        channel tries again.
        """
        sealed_for_good = False
        for app in self._apps():
            try:
                secrets = app.keys().secrets
            except (VaultError, ValueError) as error:
                logger.error("a push could not be checked with %s: %s", app, error)
                sealed_for_good = True
                continue
            if any(
                secret and signed_by(secret) for secret in secrets
            ):  # everybody can sign with an empty one
                return app
        if sealed_for_good:
            raise PushRefused(503, "Signatures cannot be checked at the moment.")
        raise bad_signature()

    def by_verify_token(self, word: str) -> ChannelApp:
        """Return the app whose verify token this is. Raises PushRefused."""
        return self._holder(VERIFY_TOKEN, word)

    def by_address_key(self, word: str) -> ChannelApp:
        """Return the app whose key is in the address. Raises PushRefused."""
        return self._holder(ADDRESS_KEY, word)

    def secret_of(self, app_id: int | None) -> str:
        """Return the newest secret of the app with this id, or without one of the channel's default app. Raises PushRefused."""
        found = self._apps().filter(pk=app_id) if app_id is not None else self._apps().filter(is_default=True)
        app = found.first()
        if app is None or app.secrets is None:
            raise PushRefused(403, "None of our apps is set up at this address.")
        try:
            return app.keys().secret
        except VaultError as error:
            logger.error("a challenge for %s could not be answered: %s", app, error)
            raise PushRefused(503, "Signatures cannot be checked at the moment.") from error

    def _apps(self) -> QuerySet[ChannelApp]:
        """Return the apps that may be pushed to, the default first."""
        return ChannelApp.objects.filter(channel=self.channel, state__in=RECEIVING).order_by(
            "-is_default", "-id"
        )

    def _holder(self, purpose: str, word: str) -> ChannelApp:
        for app in self._apps():
            if any(same(ours, word) for ours in app.push_words(purpose)):
                return app
        raise PushRefused(403, "None of our apps has this verify token or key.")


logger = logging.getLogger(__name__)

TAKEN = "Thank you."


def view_of(channel: str, point: PushPoint) -> Callable[..., HttpResponse]:
    """Return the view of what a channel calls: refusals become short texts.

    CSRF does not apply: a channel carries no cookie that somebody could abuse, and each package checks a signature or a secret.
    """
    name = f"{channel}_{point.receive.__name__}"

    def answer(request: HttpRequest, **captured: object) -> HttpResponse:
        request_logs.leave_out(request)  # Django would log each refusal once more
        try:
            return _act(point.receive(request, AppSigners(channel), **captured))
        except PushRefused as refused:
            status, words = refused.status, refused.text
        except UnreadablePush as error:
            status, words = 400, str(error)
        except (SuspiciousOperation, MultiPartParserError, UnreadablePostError):
            status, words = 400, "The body cannot be read."
        logger.warning("a push to %s was refused: %s %s", name, status, words)
        return _text(words, status)

    return csrf_exempt(never_cache(require_http_methods(list(point.methods))(answer)))


def _act(said: Taken | Deletion | Challenge) -> HttpResponse:
    """Act on what a package made of a push, and answer the channel."""
    if isinstance(said, Challenge):
        return JsonResponse(said.answer) if isinstance(said.answer, Mapping) else _text(said.answer)
    if isinstance(said, Deletion):
        received = services.take_deletion(said.app, said.push, signed=said.signed, now=timezone.now())
        url = addresses.absolute_url("deletion_status", received.code)
        return JsonResponse({"url": url, "confirmation_code": received.code})
    services.take_pushes(said.app, said.pushes, now=timezone.now())
    return _text(TAKEN)


def _text(words: str, status: int = 200) -> HttpResponse:
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
