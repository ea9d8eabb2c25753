"""A small client of the stand-in Snapchat for these tests: plain HTTP."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support.sandbox import Sandbox

CALLBACK = "http://app.example:8000/link/snapchat/callback/"
CLIENT_ID, SECRET = Sandbox.APPS["snapchat"]
SCOPE = "snapchat-marketing-api"
ORGANIZATION = "7f064d90-52a1-42db-b25b-7539e663e926"
LUMEN, FERN, HARBOR = (
    "e4cd371b-8de8-4011-a8d2-860fe77c09e1",
    "5f0d7c0b-2f3e-4a8b-8c57-3f6a1d9be702",
    "c81a9d64-0b5e-47f2-9a3c-d2e5f7081b43",
)


class Snap:
    """Calls of one app."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.sandbox, self.http, self.base = sandbox, http, sandbox.snapchat
        self.keys = {"client_id": CLIENT_ID, "client_secret": SECRET}

    def dialog(self, **form: Any) -> httpx2.Response:
        """Send the consent form."""
        asked = {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": SCOPE,
            "state": "s1",
        }
        given = {**asked, "user": "ada", "action": "allow", **form}
        return self.http.post(f"{self.base}/login/oauth2/authorize", data=given)

    def code(self, **form: Any) -> str:
        """A code from the consent form."""
        return query_of(self.dialog(**form))["code"]

    def token_call(self, **form: str) -> httpx2.Response:
        """The token endpoint, with the app's keys unless others are given."""
        return self.http.post(f"{self.base}/login/oauth2/access_token", data={**self.keys, **form})

    def redeem(self, code: str, **form: str) -> httpx2.Response:
        """Code for tokens."""
        return self.token_call(
            **{"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **form}
        )

    def refresh(self, token: str, **form: str) -> httpx2.Response:
        """Refresh token for an access token."""
        return self.token_call(**{"grant_type": "refresh_token", "refresh_token": token, **form})

    def issued(self, user: str = "ada", **fields: Any) -> Any:
        """Tokens without the consent page."""
        return self.sandbox.issue_token("snapchat", user, **fields)

    def get(self, path: str, token: str, **params: str) -> httpx2.Response:
        """A call of the API."""
        return self.http.get(
            f"{self.base}/v1/{path}", params=params, headers={"Authorization": f"Bearer {token}"}
        )

    def switch(self, **settings: Any) -> None:
        """Set the app's switches."""
        self.sandbox.put_app("snapchat", settings=settings)


def query_of(response: httpx2.Response) -> dict[str, str]:
    """What a redirect brings back."""
    assert response.status_code == 302, response.text
    return {
        name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()
    }
