"""A small client of the stand-in TikTok for these tests: plain HTTP."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support.sandbox import Sandbox

CALLBACK = "http://app.example:8000/link/tiktok/callback/"
LUMEN, FERN, HARBOR, MARLO = (
    "7002238017842757633",
    "7014406592318734338",
    "7026631874055290881",
    "7001035076276387841",
)
CENTER = "7000000000000000101"


class TikTokClient:
    """Calls of one app. Every API answer must be HTTP 200 with the envelope; its body is returned."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.sandbox, self.http = sandbox, http
        self.app_id, self.secret = sandbox.APPS["tiktok"]
        self.keys = {"app_id": self.app_id, "secret": self.secret}

    def portal(self, **form: Any) -> httpx2.Response:
        """Send the consent form."""
        asked = {"app_id": self.app_id, "redirect_uri": CALLBACK, "state": "s1"}
        given = {"user": "ada", "action": "allow", "accounts": [LUMEN, FERN]}
        return self.http.post(f"{self.sandbox.tiktok}/portal/auth", data={**asked, **given, **form})

    def code(self, **form: Any) -> str:
        """A code from the consent form."""
        return way_back(self.portal(**form))["auth_code"]

    def post(self, path: str, body: Any = None, *, token: str = "", **kwargs: Any) -> Any:
        """A POST with a JSON body."""
        return self._checked("POST", path, token, json=body, **kwargs)

    def get(self, path: str, token: str = "", **params: str) -> Any:
        """A GET."""
        return self._checked("GET", path, token, params=params)

    def info(self, token: str, *native_ids: str) -> Any:
        """advertiser/info."""
        return self.get("advertiser/info", token, advertiser_ids=json.dumps(native_ids))

    def redeem(self, code: str, **changes: str) -> Any:
        """Code for token."""
        return self.post("oauth2/access_token", {**self.keys, "auth_code": code, **changes})

    def _checked(self, method: str, path: str, token: str, **kwargs: Any) -> Any:
        headers = {"Access-Token": token} if token else {}
        url = f"{self.sandbox.tiktok}/open_api/v1.3/{path}/"
        response = self.http.request(method, url, headers=headers, **kwargs)
        body = response.json()
        assert response.status_code == 200
        assert set(body) == {"code", "message", "request_id", "data"}
        return body


def way_back(response: httpx2.Response) -> dict[str, str]:
    """The query with which the browser is sent back."""
    assert response.status_code == 302, response.text
    query = parse_qs(urlsplit(response.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}
