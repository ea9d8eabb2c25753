"""People, ad accounts and short ways of the tests against the stand-in Pinterest."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tokens.channels.kinds import AppKeys, Credentials, Identity

ADA = Identity("2783136121146311751", "Ada Okafor")
LUMEN, FERN, HARBOR, MARLO, OLD = (
    "549755885175", "549756012348", "549756134902", "549756260071", "549754998816",
)  # fmt: skip
SCOPES = ("ads:read", "ads:write", "user_accounts:read")
CALLBACK = "http://testserver/link/pinterest/callback/"


def set_up(sandbox: Sandbox, settings: Settings) -> AppKeys:
    """Lead the settings to the sandbox and return the keys of its app."""
    settings.PINTEREST_WWW_URL = settings.PINTEREST_API_URL = sandbox.pinterest
    sandbox.put_app("pinterest", redirect_uris=[CALLBACK])
    sandbox.clear_faults()
    client_id, secret = sandbox.APPS["pinterest"]
    return AppKeys(client_id, (secret,), CALLBACK, ())


def wrong(app: AppKeys) -> AppKeys:
    """The same app with a secret that Pinterest does not take."""
    return AppKeys(app.client_id, ("not-the-secret",), app.redirect_uri, app.scopes)


def switches(sandbox: Sandbox, **settings: Any) -> None:
    """Set the switches of the stand-in's app."""
    sandbox.put_app("pinterest", settings=settings)


def code(sandbox: Sandbox, app: AppKeys, **form: object) -> str:
    """Fill in the consent form, as a browser does."""
    asked = {
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "response_type": "code",
        "state": "s",
        "scope": ",".join(SCOPES),
    }
    data = {**asked, "user": "ada", "action": "allow", **form}
    response = httpx2.post(f"{sandbox.pinterest}/oauth/", data=data, trust_env=False, verify=False)
    assert response.status_code == 302, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def token(sandbox: Sandbox, user: str = "ada", **fields: object) -> Credentials:
    """A consent without the page."""
    said = sandbox.issue_token("pinterest", user, **fields)
    return Credentials(said["access_token"], said["refresh_token"])


def close(moment: datetime | None, expected: datetime) -> bool:
    """Return whether two moments are the same but for the time that a call takes."""
    return moment is not None and abs(moment - expected) < timedelta(seconds=30)
