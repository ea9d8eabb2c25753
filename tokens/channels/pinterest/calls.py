"""Pinterest's native calls. Tokens and the app's secret travel in the Authorization header or in the body, never in an address."""

import base64
from collections.abc import Mapping

from tokens.channels.addresses import configured
from tokens.channels.kinds import Answer, AppKeys, Call
from tokens.channels.sessions import ChannelSession


def address(path: str) -> str:
    """Return the address of a path without a leading slash."""
    return f"{configured('PINTEREST_API_URL')}/{configured('PINTEREST_API_VERSION')}/{path}"


def basic(app: AppKeys) -> str:
    """Return the Authorization header of the token calls: the app's id and secret."""
    pair = f"{app.client_id}:{app.secret}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def get(call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None) -> Answer:
    """Call the API as the native user."""
    return session.ask(call, address(path), params=params)
