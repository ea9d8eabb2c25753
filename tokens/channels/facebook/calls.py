"""Facebook's native calls. The token travels in a header, and every call with one carries appsecret_proof.

debug_token takes the inspected token as a query parameter: the vendor documents no other way.
"""

from collections.abc import Mapping

from tokens.channels.addresses import configured
from tokens.channels.kinds import Answer, Call
from tokens.channels.pushes import hmac_sha256
from tokens.channels.sessions import ChannelSession


def address(path: str) -> str:
    """Return the address of a Graph path without a leading slash."""
    return f"{configured('FACEBOOK_GRAPH_URL')}/{configured('FACEBOOK_VERSION')}/{path}"


def proof(secret: str, token: str) -> str:
    """Return appsecret_proof: the token's HMAC-SHA256 under the app secret, in hex."""
    return hmac_sha256(secret, token.encode()).hex()


def graph(
    call: Call,
    path: str,
    session: ChannelSession,
    params: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    data: Mapping[str, str] | None = None,
) -> Answer:
    """Call the Graph API as the native user; `data` is a form in the body."""
    proven = {**(params or {}), "appsecret_proof": proof(session.app.secret, session.token)}
    return session.ask(call, address(path), method=method, params=proven, data=data)


def debug_token(session: ChannelSession) -> Answer:
    """Ask about a token, authenticated as the app."""
    headers = {"Authorization": f"Bearer {session.app.client_id}|{session.app.secret}"}
    params = {"input_token": session.token}
    return session.ask("introspect", address("debug_token"), params=params, headers=headers)
