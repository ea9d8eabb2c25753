"""A small client of the stand-in Facebook for these tests: plain HTTP, proof included."""

import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support.sandbox import Sandbox

CALLBACK = "http://app.example:8000/link/facebook/callback/"
SCOPES = "ads_management,ads_read,business_management"
LUMEN, FERN = "203847561029384", "318204957716203"


class Graph:
    """Calls of one app."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.root, self.http = f"{sandbox.facebook}/v26.0", http
        self.client = {"client_id": sandbox.FACEBOOK_CLIENT_ID, "client_secret": sandbox.FACEBOOK_SECRET}

    def dialog(self, **form: Any) -> httpx2.Response:
        """Send the consent form."""
        asked = {
            "client_id": self.client["client_id"],
            "redirect_uri": CALLBACK,
            "state": "s1",
            "scope": SCOPES,
        }
        given = {"user": "ada", "action": "continue", "scopes": SCOPES.split(","), "accounts": [LUMEN, FERN]}
        return self.http.post(f"{self.root}/dialog/oauth", data={**asked, **given, **form})

    def code(self, **form: Any) -> str:
        """A code from the consent form."""
        return query_of(self.dialog(**form))["code"]

    def token_call(self, **params: str) -> httpx2.Response:
        """The token endpoint."""
        return self.http.get(f"{self.root}/oauth/access_token", params={**self.client, **params})

    def redeem(self, code: str, redirect_uri: str = CALLBACK) -> httpx2.Response:
        """Code for token."""
        return self.token_call(code=code, redirect_uri=redirect_uri)

    def call(self, method: str, path: str, token: str, **params: str) -> httpx2.Response:
        """Any Graph call with token and proof."""
        signed = {"access_token": token, "appsecret_proof": proof(self.client["client_secret"], token)}
        return self.http.request(method, f"{self.root}/{path}", params={**signed, **params})


def proof(secret: str, token: str) -> str:
    """appsecret_proof."""
    return hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def query_of(response: httpx2.Response) -> dict[str, str]:
    """The query of a redirect."""
    assert response.status_code == 302, response.text
    return {
        name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()
    }
