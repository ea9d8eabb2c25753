"""Snapchat's native calls. The access token travels in a header; the app's secret, codes and refresh tokens in a form body."""

from collections.abc import Mapping

from tokens.channels.addresses import configured
from tokens.channels.kinds import Answer, Call
from tokens.channels.sessions import ChannelSession

# Integrations call either of these; no document of Snapchat's names one. The second is called where the first does not exist.
REVOKE_PATHS = ("login/oauth2/revoke", "login/oauth2/revoke_token")


def as_user(
    call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None
) -> Answer:
    """Read something of the Marketing API as the person."""
    url = f"{configured('SNAPCHAT_API_URL')}/{configured('SNAPCHAT_API_VERSION')}/{path}"
    return session.ask(call, url, params=params)


def as_app(call: Call, path: str, session: ChannelSession, form: Mapping[str, str]) -> Answer:
    """Call an address of the log-in host, with the app's keys in the body and in no header."""
    body = {"client_id": session.app.client_id, "client_secret": session.app.secret, **form}
    url = f"{configured('SNAPCHAT_ACCOUNTS_URL')}/{path}"
    return session.ask(call, url, method="POST", data=body, headers={})


def revoke(session: ChannelSession) -> Answer:
    """Ask to end an authorisation, by its refresh token where there is one. Whether Snapchat has this call, and where, is unproven."""
    token = session.credentials.refresh_token or session.token
    for path in REVOKE_PATHS:
        answer = as_app("api", path, session, {"token": token})
        if answer.status != 404:
            break
    return answer
