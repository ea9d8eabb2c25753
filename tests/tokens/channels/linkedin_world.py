"""People, ad accounts and short ways of the tests against the stand-in LinkedIn."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tokens.channels.kinds import AppKeys, Credentials, Identity

CLIENT_ID, SECRET = Sandbox.APPS["linkedin"]
REDIRECT = "http://testserver/link/linkedin/callback/"
APP = AppKeys(CLIENT_ID, (SECRET,), REDIRECT, ())
SCOPES = ("r_ads", "rw_ads", "r_ads_reporting", "openid", "profile")
LONG_AGO = 3600  # seconds: a token of that age is no longer new
DAY = 86_400

ADA = Identity("HRnXB4kIO7", "Ada Okafor")
LUMEN, FERN, HARBOR, MARLO, OLD = "508720451", "509314782", "510086623", "511745904", "502218377"
NOBODYS = Credentials("AQXnothing-of-ours", refresh_token="AQWneither")


def set_up(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead the settings to the sandbox, register the callback, and shorten the pauses."""
    settings.LINKEDIN_WWW_URL = settings.LINKEDIN_API_URL = sandbox.linkedin
    sandbox.put_app("linkedin", redirect_uris=[REDIRECT])
    sandbox.clear_faults()
    monkeypatch.setattr("tokens.channels.linkedin.channel.PAUSE", 0.01)


def switch(sandbox: Sandbox, **settings: Any) -> None:
    """Set the stand-in's switches."""
    sandbox.put_app("linkedin", settings=settings)


def code(sandbox: Sandbox, user: str = "ada", scopes: Sequence[str] = SCOPES) -> str:
    """Fill in the consent form, as a browser does."""
    asked = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT, "response_type": "code", "state": "s"}
    form = {**asked, "scope": " ".join(scopes), "user": user, "action": "allow"}
    response = httpx2.post(
        f"{sandbox.linkedin}/oauth/v2/authorization", data=form, trust_env=False, verify=False
    )
    assert response.status_code == 302, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def given(sandbox: Sandbox, user: str = "ada", *, age: int = LONG_AGO, **fields: Any) -> Credentials:
    """A consent without the page, `age` seconds old."""
    now = sandbox.state()["now"]
    token = sandbox.issue_token("linkedin", user, issued_at=now - age, **fields)
    return Credentials(token["access_token"], refresh_token=token["refresh_token"])


def close(moment: datetime | None, expected: datetime) -> bool:
    """Return whether two moments are the same but for the time that a call takes."""
    return moment is not None and abs(moment - expected) < timedelta(seconds=30)
