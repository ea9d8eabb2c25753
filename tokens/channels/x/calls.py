"""X's native calls, each signed. Tokens travel in the Authorization header only."""

from collections.abc import Mapping
from dataclasses import replace

from tokens.channels import oauth1_client
from tokens.channels.addresses import configured
from tokens.channels.kinds import Answer, AppKeys, Call, Credentials
from tokens.channels.sessions import ChannelSession
from tokens.channels.x.verdicts import TABLE

NOBODY = Credentials("")


def api(path: str) -> str:
    """Return an address of the general API."""
    return f"{configured('X_API_URL')}/{path}"


def ads(call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None) -> Answer:
    """Ask the Ads API."""
    url = f"{configured('X_ADS_URL')}/{configured('X_ADS_VERSION')}/{path}"
    return signed(call, url, session, params=params)


def signed(
    call: Call,
    url: str,
    session: ChannelSession,
    *,
    method: str = "GET",
    params: Mapping[str, str] | None = None,
    callback: str = "",
    verifier: str = "",
) -> Answer:
    """Send one signed request; `params` go into the address."""
    authorization = oauth1_client.header(
        session.app,
        session.credentials,
        method=method,
        url=url,
        params=params,
        callback=callback,
        verifier=verifier,
    )
    return session.ask(call, url, method=method, params=params, headers={"Authorization": authorization})


def ask_request_token(session: ChannelSession) -> Answer:
    """Take the first step of a handshake: the one call that nothing but the app's keys signs."""
    nobody, callback = replace(session, credentials=NOBODY), session.app.redirect_uri
    return signed("exchange", api("oauth/request_token"), nobody, method="POST", callback=callback)


def request_token(app: AppKeys) -> Credentials:
    """Return a request token: what carries one handshake. Raises ChannelError."""
    return oauth1_client.pair_in(ask_request_token(ChannelSession(app, NOBODY)), TABLE, confirmed=True)


def access_token(app: AppKeys, temporary: Credentials, verifier: str) -> Credentials:
    """Return the pair of a person who consented, for a request token and what the callback brought. Raises ChannelError."""
    url, session = api("oauth/access_token"), ChannelSession(app, temporary)
    return oauth1_client.pair_in(signed("exchange", url, session, method="POST", verifier=verifier), TABLE)


def verify_credentials(session: ChannelSession) -> Answer:
    """Ask whose token it is: the one question about a token that X answers with a cause."""
    params = {"include_entities": "false", "skip_status": "true"}
    return signed("introspect", api("1.1/account/verify_credentials.json"), session, params=params)


def users_me(session: ChannelSession) -> Answer:
    """Ask the same of the newer API, which tells no causes."""
    return signed("api", api("2/users/me"), session)
