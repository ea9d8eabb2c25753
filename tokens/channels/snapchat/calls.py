"""Snapchat's native calls. The access token travels in a header; the app's secret, codes and refresh tokens in a form body."""

from collections.abc import Mapping
from typing import Any

from tokens.channels import deprecations, http
from tokens.channels.addresses import configured
from tokens.channels.classifier import evidence, malformed
from tokens.channels.kinds import Answer, AppKeys, Call, ChannelError, Verdict
from tokens.channels.parse import mapping
from tokens.channels.snapchat import policy, verdicts
from tokens.channels.snapchat.declaration import VERSIONS


def accounts(path: str) -> str:
    """Return an address of the log-in host."""
    return f"{configured('SNAPCHAT_ACCOUNTS_URL')}/{path}"


def api(path: str) -> str:
    """Return an address of the Marketing API."""
    return f"{configured('SNAPCHAT_API_URL')}/{configured('SNAPCHAT_API_VERSION')}/{path}"


def as_user(
    call: Call,
    path: str,
    *,
    token: str,
    params: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Answer:
    """Read something as the person whose token it is."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = http.request(call, "GET", api(path), params=params, headers=headers, timeout=timeout)
    return deprecations.noted(answer, VERSIONS)


def me(token: str, *, timeout: float | None = None) -> Answer:
    """Ask whose token it is: the one question about a token that Snapchat answers."""
    return as_user("introspect", "me", token=token, timeout=timeout)


def organizations(
    call: Call, token: str, *, params: Mapping[str, str] | None = None, timeout: float | None = None
) -> Answer:
    """Ask for the person's organizations with their ad accounts and the person's roles."""
    asked = {**(params or {}), "with_ad_accounts": "true"}
    return as_user(call, "me/organizations", token=token, params=asked, timeout=timeout)


def token_endpoint(
    call: Call, app: AppKeys, form: Mapping[str, str], *, timeout: float | None = None
) -> Answer:
    """Call the token endpoint."""
    body = {"client_id": app.client_id, "client_secret": app.secret, **form}
    return http.request(call, "POST", accounts("login/oauth2/access_token"), data=body, timeout=timeout)


def revoke(app: AppKeys, token: str) -> Answer:
    """Ask to end an authorisation, by its refresh token where there is one. Whether Snapchat has this call, and where, is unproven."""
    body = {"client_id": app.client_id, "client_secret": app.secret, "token": token}
    for path in policy.REVOKE_PATHS:
        answer = http.request("api", "POST", accounts(path), data=body)
        if answer.status != 404:
            break
    return answer


def require_ok(answer: Answer) -> Mapping[str, Any]:
    """Return the object of a good answer; single items of it may still be errors. Raises ChannelError for everything else."""
    classification = verdicts.TABLE.classify(answer)
    if classification.verdict != Verdict.OK and classification.row != verdicts.ITEM_FAILED:
        raise ChannelError(classification, evidence=evidence(answer))
    if what := verdicts.lacks(answer.call, answer.body):
        raise malformed(answer, what, channel="snapchat")
    return mapping(answer.body)
