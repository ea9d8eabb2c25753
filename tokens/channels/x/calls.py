"""X's native calls, each signed. Tokens travel in the Authorization header only."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tokens.channels import deprecations, http, oauth1_client
from tokens.channels.addresses import configured
from tokens.channels.classifier import evidence, malformed
from tokens.channels.kinds import Answer, AppKeys, Call, ChannelError, Credentials, Verdict
from tokens.channels.x.declaration import VERSIONS
from tokens.channels.x.verdicts import TABLE

NOBODY = Credentials("")
LONGEST_TOKEN = 1000  # characters


def api(path: str) -> str:
    """Return an address of the general API."""
    return f"{configured('X_API_URL')}/{path}"


def ads(path: str) -> str:
    """Return an address of the Ads API."""
    return f"{configured('X_ADS_URL')}/{configured('X_ADS_VERSION')}/{path}"


def signed(
    call: Call,
    method: str,
    url: str,
    *,
    app: AppKeys,
    credentials: Credentials,
    params: Mapping[str, str] | None = None,
    timeout: float | None = None,
    callback: str = "",
    verifier: str = "",
) -> Answer:
    """Send one signed request; `params` go into the address."""
    authorization = oauth1_client.header(
        app, credentials, method=method, url=url, params=params, callback=callback, verifier=verifier
    )
    answer = http.request(
        call, method, url, params=params, headers={"Authorization": authorization}, timeout=timeout
    )
    return deprecations.noted(answer, VERSIONS) if url.startswith(ads("")) else answer


def ask_request_token(app: AppKeys, *, timeout: float | None = None) -> Answer:
    """Take the first step of a handshake: the one call that nothing but the app's keys signs."""
    url = api("oauth/request_token")
    return signed(
        "exchange", "POST", url, app=app, credentials=NOBODY, callback=app.redirect_uri, timeout=timeout
    )


def request_token(app: AppKeys) -> Credentials:
    """Return a request token: what carries one handshake. Raises ChannelError."""
    answer = ask_request_token(app)
    form = _form(answer)
    if form.get("oauth_callback_confirmed") != "true":
        raise malformed(answer, "oauth_callback_confirmed", channel="x")
    return _pair(answer, form)


def access_token(app: AppKeys, temporary: Credentials, verifier: str) -> Credentials:
    """Return the pair of a person who consented, for a request token and what the callback brought. Raises ChannelError."""
    url = api("oauth/access_token")
    answer = signed("exchange", "POST", url, app=app, credentials=temporary, verifier=verifier)
    return _pair(answer, _form(answer))


def verify_credentials(app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Answer:
    """Ask whose token it is: the one question about a token that X answers with a cause."""
    url = api("1.1/account/verify_credentials.json")
    params = {"include_entities": "false", "skip_status": "true"}
    return signed("introspect", "GET", url, app=app, credentials=credentials, params=params, timeout=timeout)


def users_me(app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Answer:
    """Ask the same of the newer API, which tells no causes."""
    return signed("api", "GET", api("2/users/me"), app=app, credentials=credentials, timeout=timeout)


def require_ok(answer: Answer) -> dict[str, Any]:
    """Return the object of a good answer. Raises ChannelError for everything else."""
    return TABLE.require_ok(answer)


def _form(answer: Answer) -> dict[str, str]:
    """Return the fields of a form-encoded answer. Raises ChannelError."""
    classification = TABLE.classify(answer)
    if classification.verdict != Verdict.OK and not 200 <= answer.status < 300:
        raise ChannelError(classification, evidence=evidence(answer))
    if classification.verdict != Verdict.OK or not isinstance(answer.body, str):
        raise malformed(answer, "a form", channel="x")
    return dict(parse_qsl(answer.body))


def _pair(answer: Answer, form: Mapping[str, str]) -> Credentials:
    token, secret = form.get("oauth_token", ""), form.get("oauth_token_secret", "")
    if not token or not secret or len(token) + len(secret) > LONGEST_TOKEN:
        raise malformed(answer, "a token and its secret", channel="x")
    return Credentials(token, secret=secret)
