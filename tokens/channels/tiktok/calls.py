"""TikTok's native calls. The token travels in the header `Access-Token`, without "Bearer"; secrets travel in JSON bodies.

oauth2/advertiser/get takes the app's secret as a query parameter: TikTok documents no other way (its SDK does the same). http.py logs no
address, and the stand-in's log redacts it.
"""

import json as jsonlib
from collections.abc import Mapping, Sequence
from typing import Any

from tokens.channels import deprecations, http
from tokens.channels.addresses import configured
from tokens.channels.classifier import evidence, malformed
from tokens.channels.kinds import Answer, AppKeys, Call, ChannelError, Verdict
from tokens.channels.tiktok.declaration import VERSIONS
from tokens.channels.tiktok.verdicts import TABLE

PAGE_SIZE = 50  # the most that bc/get and bc/asset/get give


def address(path: str) -> str:
    """Return the address of a path without slashes around it. TikTok's own end with one."""
    return f"{configured('TIKTOK_API_URL')}/open_api/{configured('TIKTOK_API_VERSION')}/{path}/"


def get(
    call: Call,
    path: str,
    *,
    token: str,
    params: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Answer:
    """Ask as the person whose token it is."""
    answer = http.request(
        call, "GET", address(path), params=params, headers={"Access-Token": token}, timeout=timeout
    )
    return deprecations.noted(answer, VERSIONS)


def post(
    call: Call,
    path: str,
    body: Mapping[str, Any],
    *,
    app: AppKeys,
    token: str = "",
    timeout: float | None = None,
) -> Answer:
    """Send a JSON body with the app's id and secret in it."""
    return http.request(
        call,
        "POST",
        address(path),
        json={"app_id": app.client_id, "secret": app.secret, **body},
        headers={"Access-Token": token} if token else None,
        timeout=timeout,
    )


def user_info(call: Call, token: str, *, timeout: float | None = None) -> Answer:
    """Ask whose token it is: the cheapest question about a token."""
    return get(call, "user/info", token=token, timeout=timeout)


def granted_advertisers(app: AppKeys, token: str) -> Answer:
    """Ask which ad accounts the person granted. No pages."""
    keys = {"app_id": app.client_id, "secret": app.secret}
    return get("list_accounts", "oauth2/advertiser/get", token=token, params=keys)


def advertiser_info(
    call: Call, token: str, native_ids: Sequence[str], *, timeout: float | None = None
) -> Answer:
    """Ask for the facts of at most 100 ad accounts."""
    params = {"advertiser_ids": jsonlib.dumps(list(native_ids))}
    return get(call, "advertiser/info", token=token, params=params, timeout=timeout)


def centers(call: Call, token: str, page: int, *, timeout: float | None = None) -> Answer:
    """Ask for a page of the person's Business Centers."""
    params = {"page": str(page), "page_size": str(PAGE_SIZE)}
    return get(call, "bc/get", token=token, params=params, timeout=timeout)


def center_advertisers(
    call: Call, token: str, bc_id: str, page: int, *, timeout: float | None = None
) -> Answer:
    """Ask for a page of a Business Center's ad accounts, with the person's role on each."""
    params = {"bc_id": bc_id, "asset_type": "ADVERTISER", "page": str(page), "page_size": str(PAGE_SIZE)}
    return get(call, "bc/asset/get", token=token, params=params, timeout=timeout)


def require_ok(answer: Answer) -> Mapping[str, Any]:
    """Return `data` of a good answer. Raises ChannelError for everything else."""
    classification = TABLE.classify(answer)
    if classification.verdict != Verdict.OK:
        raise ChannelError(classification, evidence=evidence(answer))
    data = answer.body.get("data") if isinstance(answer.body, dict) else None
    if not isinstance(data, dict):
        raise malformed(answer, "data", channel="tiktok")
    return data
