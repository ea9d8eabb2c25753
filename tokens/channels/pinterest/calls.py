"""Pinterest's native calls. Tokens and the app's secret travel in the Authorization header or in the body, never in an address."""

import base64
from collections.abc import Mapping
from typing import Any

from tokens.channels import deprecations, http
from tokens.channels.addresses import configured
from tokens.channels.kinds import Answer, AppKeys, Call
from tokens.channels.pinterest import verdicts
from tokens.channels.pinterest.declaration import VERSIONS

# No refresh token of anybody: what Pinterest says of it tells whether it accepted the app's keys.
NOBODYS = "pinr.none"


def address(path: str) -> str:
    """Return the address of a path without a leading slash."""
    return f"{configured('PINTEREST_API_URL')}/{configured('PINTEREST_API_VERSION')}/{path}"


def basic(app: AppKeys) -> str:
    """Return the Authorization header of the token calls: the app's id and secret."""
    pair = f"{app.client_id}:{app.secret}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def get(
    call: Call,
    path: str,
    token: str,
    *,
    params: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Answer:
    """Call the API as the native user whose access token it is."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = http.request(call, "GET", address(path), params=params, headers=headers, timeout=timeout)
    return deprecations.noted(answer, VERSIONS)


def token_endpoint(
    call: Call,
    app: AppKeys,
    form: Mapping[str, str],
    *,
    path: str = "oauth/token",
    timeout: float | None = None,
) -> Answer:
    """Call the token endpoint as the app."""
    headers = {"Authorization": basic(app)}
    return http.request(call, "POST", address(path), data=form, headers=headers, timeout=timeout)


def ask_about_keys(app: AppKeys, *, timeout: float | None = None) -> Answer:
    """Ask for what cannot be had. Pinterest looks at the app's keys first, so its answer is about them or about the token."""
    form = {"grant_type": "refresh_token", "refresh_token": NOBODYS}
    return token_endpoint("refresh", app, form, timeout=timeout)


def require_ok(answer: Answer) -> dict[str, Any]:
    """Return the object of a good answer. Raises ChannelError for everything else."""
    return verdicts.TABLE.require_ok(answer)
