"""Facebook's native calls. The token travels in a header, and every call with one carries appsecret_proof.

debug_token takes the inspected token as a query parameter: the vendor documents no other way.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from tokens.channels import deprecations, http
from tokens.channels.addresses import configured
from tokens.channels.facebook import verdicts
from tokens.channels.facebook.declaration import VERSIONS
from tokens.channels.kinds import Answer, AppKeys, Call


def address(path: str) -> str:
    """Return the address of a Graph path without a leading slash."""
    return f"{configured('FACEBOOK_GRAPH_URL')}/{configured('FACEBOOK_VERSION')}/{path}"


def proof(secret: str, token: str) -> str:
    """Return appsecret_proof: the token's HMAC-SHA256 under the app secret, in hex."""
    return hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def graph(
    call: Call,
    method: str,
    path: str,
    *,
    app: AppKeys,
    token: str,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Answer:
    """Call the Graph API as the native user whose token it is; `data` is a form in the body."""
    answer = http.request(
        call,
        method,
        address(path),
        params={**(params or {}), "appsecret_proof": proof(app.secret, token)},
        data=data,
        headers={"Authorization": f"Bearer {token}"},
        timeout=timeout,
    )
    if not _of_marketing_api(path):
        return answer
    return deprecations.noted(answer, VERSIONS, client_id=app.client_id)


def _of_marketing_api(path: str) -> bool:
    """Return whether a path is of the Marketing API, whose versions end before the Graph API's. It alone warns of that."""
    return path.startswith("act_") or path.endswith(("/adaccounts", "/assigned_ad_accounts"))


def token_endpoint(
    call: Call, app: AppKeys, form: Mapping[str, str], *, timeout: float | None = None
) -> Answer:
    """Call the token endpoint with everything in the body, so that no secret is in an address."""
    body = {"client_id": app.client_id, "client_secret": app.secret, **form}
    return http.request(call, "POST", address("oauth/access_token"), data=body, timeout=timeout)


def debug_token(app: AppKeys, token: str, *, timeout: float | None = None) -> Answer:
    """Ask about a token, authenticated as the app."""
    return http.request(
        "introspect",
        "GET",
        address("debug_token"),
        params={"input_token": token},
        headers={"Authorization": f"Bearer {app.client_id}|{app.secret}"},
        timeout=timeout,
    )


def require_ok(answer: Answer) -> dict[str, Any]:
    """Return the object of a good answer. Raises ChannelError for everything else."""
    return verdicts.TABLE.require_ok(answer)
