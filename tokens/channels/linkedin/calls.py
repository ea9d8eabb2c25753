"""LinkedIn's native calls. A person's token travels in a header, the app's secret and the tokens asked about in a form body."""

from collections.abc import Mapping

from tokens.channels.addresses import configured
from tokens.channels.kinds import Answer, Call
from tokens.channels.sessions import ChannelSession

RESTLI_VERSION = "2.0.0"


def versions() -> dict[str, str]:
    """Return the two headers that every versioned call needs."""
    return {"LinkedIn-Version": configured("LINKEDIN_VERSION"), "X-Restli-Protocol-Version": RESTLI_VERSION}


def oauth(call: Call, path: str, session: ChannelSession, form: Mapping[str, str]) -> Answer:
    """Call one of the OAuth endpoints as the app, with everything in the body: Basic is not taken."""
    body = {**form, "client_id": session.app.client_id, "client_secret": session.app.secret}
    url = f"{configured('LINKEDIN_WWW_URL')}/oauth/v2/{path}"
    return session.ask(call, url, method="POST", data=body, headers={})


def introspect(session: ChannelSession, token: str) -> Answer:
    """Ask about an access token. It costs none of the person's daily calls."""
    return oauth("introspect", "introspectToken", session, {"token": token})


def rest(call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None) -> Answer:
    """Read from the Marketing API as the person. `params` must need no escaping: Rest.li's own characters stay bare."""
    url = f"{configured('LINKEDIN_API_URL')}/rest/{path}"
    headers = {"Authorization": f"Bearer {session.token}", **versions()}
    return session.ask(call, url, params=params, headers=headers)
