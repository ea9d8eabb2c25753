"""Leases for google-auth: `Credentials(token=None, refresh_handler=refresh_handler(adtoken, channel, native_id))`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from adtoken_client.client import AdToken
from adtoken_client.models import Purpose


def refresh_handler(
    adtoken: AdToken, channel: str, native_id: str, purpose: Purpose = "publish"
) -> Callable[..., tuple[str, datetime]]:
    """Return what google-auth calls for a token and its end. ValueError where a lease is no Bearer token, or needs a query.

    Other headers of a lease, such as LinkedIn-Version, are the session's to send.
    """

    def handler(request: Any, scopes: Any = None) -> tuple[str, datetime]:  # noqa: ARG001  # google-auth's names
        lease = adtoken.lease(channel, native_id, purpose)
        kind, _, token = lease.send.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or lease.send.query:
            raise ValueError(f"A lease of {channel} is more than a Bearer token.")
        return token, lease.expires_at.astimezone(UTC).replace(tzinfo=None)

    return handler
