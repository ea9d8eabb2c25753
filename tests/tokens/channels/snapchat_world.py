"""People, ad accounts and short ways of the tests against the stand-in Snapchat."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support.sandbox import Sandbox
from tokens.channels.kinds import AppKeys, Credentials, Identity

CLIENT_ID, SECRET = Sandbox.APPS["snapchat"]
REDIRECT = "http://testserver/link/snapchat/callback/"
APP = AppKeys(CLIENT_ID, (SECRET,), REDIRECT, ())
SCOPE = "snapchat-marketing-api"

ADA = Identity("a71cfcae-895d-4314-9460-e2ffd2515dd0", "Ada Okafor")
LUMEN, FERN, HARBOR, MARLO, OLD = (
    "e4cd371b-8de8-4011-a8d2-860fe77c09e1", "5f0d7c0b-2f3e-4a8b-8c57-3f6a1d9be702", "c81a9d64-0b5e-47f2-9a3c-d2e5f7081b43",
    "17b3e6f9-94d2-4c0a-b6e8-0a5c3d7f2e61", "86e0d4a7-51c9-4e3b-9f12-b7a4c6d8e0f5",
)  # fmt: skip
NOBODYS = Credentials("eyJnothing-of-ours", refresh_token="eyJneither")

GENERAL: dict[str, Any] = {
    "request_status": "ERROR",
    "request_id": "5ebc40",
    "debug_message": "Resource can not be found",
    "display_message": "We're sorry, but the requested resource is not available at this time",
}


def code(sandbox: Sandbox, user: str = "ada") -> str:
    """Fill in the consent form, as a browser does."""
    asked = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT, "response_type": "code", "scope": SCOPE}
    form = {**asked, "state": "s", "user": user, "action": "allow"}
    response = httpx2.post(
        f"{sandbox.snapchat}/login/oauth2/authorize", data=form, trust_env=False, verify=False
    )
    assert response.status_code == 302, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def given(sandbox: Sandbox, user: str = "ada", **fields: Any) -> Credentials:
    """A consent without the page."""
    token = sandbox.issue_token("snapchat", user, **fields)
    return Credentials(token["access_token"], refresh_token=token["refresh_token"])


def switch(sandbox: Sandbox, **settings: Any) -> None:
    """Set the stand-in's switches."""
    sandbox.put_app("snapchat", settings=settings)


def spare_id(number: int) -> str:
    """An id of an ad account that the start world does not have."""
    return f"00000000-0000-4000-8000-{number:012d}"


def more_accounts(sandbox: Sandbox, count: int, **fields: Any) -> None:
    """Give Emil that many further ad accounts."""
    for number in range(count):
        made = {"name": f"Account {number}", "status": "ACTIVE", "roles": {"emil": "admin"}, **fields}
        sandbox.put_account("snapchat", spare_id(number), **made)
