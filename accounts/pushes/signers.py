"""Which of our channel apps a push belongs to: the one whose secret made its signature."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import QuerySet

from tokens.channel_apps import push_addresses
from tokens.channels.pushes import same
from tokens.models import ChannelApp
from tokens.vault.services import VaultError


class PushRefused(Exception):  # noqa: N818  # an answer, not a fault
    """The push is not taken. `status` is the answer's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def bad_signature() -> PushRefused:
    """Return the refusal of a push that none of our apps has signed."""
    return PushRefused(403, "None of our apps made this signature.")


logger = logging.getLogger(__name__)

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
        return self._holder(push_addresses.VERIFY_TOKEN, word)

    def by_address_key(self, word: str) -> ChannelApp:
        """Return the app whose key is in the address. Raises PushRefused."""
        return self._holder(push_addresses.ADDRESS_KEY, word)

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
            if any(same(ours, word) for ours in push_addresses.derived(app, purpose)):
                return app
        raise PushRefused(403, "None of our apps has this verify token or key.")
