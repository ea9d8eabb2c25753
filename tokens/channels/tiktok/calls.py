"""TikTok's native calls. The token travels in the header `Access-Token`, without "Bearer"; secrets travel in JSON bodies.

oauth2/advertiser/get takes the app's secret as a query parameter: TikTok documents no other way (its SDK does the same). http.py logs no
address, and the stand-in's log redacts it.
"""

import json as jsonlib
from collections.abc import Mapping, Sequence
from typing import Any

from tokens.channels import http
from tokens.channels.addresses import configured
from tokens.channels.kinds import Answer, AppKeys, Call
from tokens.channels.sessions import ChannelSession
from tokens.channels.tiktok.verdicts import TABLE

PAGE_SIZE = 50  # the most that bc/get and bc/asset/get give


def address(path: str) -> str:
    """Return the address of a path without slashes around it. TikTok's own end with one."""
    return f"{configured('TIKTOK_API_URL')}/open_api/{configured('TIKTOK_API_VERSION')}/{path}/"


def get(call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None) -> Answer:
    """Ask as the person."""
    return session.ask(call, address(path), params=params, headers={"Access-Token": session.token})


def post(
    call: Call,
    path: str,
    body: Mapping[str, Any],
    *,
    app: AppKeys,
    token: str = "",
    timeout: float | None = None,
) -> Answer:
    """Send a JSON body with the app's id and secret in it. `timeout` in seconds."""
    sent = {"app_id": app.client_id, "secret": app.secret, **body}
    headers = {"Access-Token": token} if token else None
    return http.request(call, "POST", address(path), json=sent, headers=headers, timeout=timeout)


def advertiser_info(call: Call, session: ChannelSession, native_ids: Sequence[str]) -> Answer:
    """Ask for the facts of at most 100 ad accounts."""
    return get(call, "advertiser/info", session, {"advertiser_ids": jsonlib.dumps(list(native_ids))})


def page_of(path: str, session: ChannelSession, number: int, about: Mapping[str, str]) -> Answer:
    """Ask for a page of one of the lists of Business Centers."""
    return get("api", path, session, {**about, "page": str(number), "page_size": str(PAGE_SIZE)})


def require_ok(answer: Answer) -> dict[str, Any]:
    """Return `data` of a good answer. Raises ChannelError for everything else."""
    return data_in(answer, TABLE.require_ok(answer))


def data_in(answer: Answer, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return `data` of the object of a good answer. Raises ChannelError where it is none."""
    data = body.get("data")
    if not isinstance(data, dict):
        raise TABLE.malformed(answer, "data")
    return data
