"""A small client of the stand-in X for these tests: signs with oauthlib's client side."""

from typing import Any

import httpx2
from oauthlib.oauth1 import Client

from tests.support.sandbox import Sandbox

CALLBACK = "http://app.example:8000/link/x/callback/"


class XClient:
    """Calls of one app."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.root, self.http = sandbox.x, http
        self.key, self.secret = sandbox.X_CLIENT_ID, sandbox.X_SECRET

    def sign(
        self, method: str, url: str, form: dict[str, str] | None = None, **options: Any
    ) -> dict[str, str]:
        """The headers of a signed call."""
        client = Client(self.key, **{"client_secret": self.secret, **options})
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        verb: Any = method  # the stub wants a literal
        _, signed, _ = client.sign(url, http_method=verb, body=form, headers=headers)
        return dict(signed)

    def call(
        self, method: str, path: str, pair: tuple[str, str] = ("", ""), form: Any = None, **options: Any
    ) -> httpx2.Response:
        """A signed call; `pair` is (token, secret)."""
        url = self.root + path
        if pair[0]:
            options = {"resource_owner_key": pair[0], "resource_owner_secret": pair[1], **options}
        return self.http.request(method, url, data=form, headers=self.sign(method, url, form, **options))

    def request_token(self, callback: str = CALLBACK) -> httpx2.Response:
        """Step 1."""
        return self.call("POST", "/oauth/request_token", callback_uri=callback)

    def issue(self, sandbox: Sandbox, user: str = "ada") -> tuple[str, str]:
        """A pair without the dance."""
        token = sandbox.issue_token("x", user)
        return token["oauth_token"], token["oauth_token_secret"]


def code_of(response: httpx2.Response) -> tuple[int, Any]:
    """Status and code of the first error."""
    return response.status_code, response.json()["errors"][0]["code"]
