"""What the made-up channels are at the other end: consent, token endpoint, ad accounts, on a port of its own. Knows no product code."""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

ACCOUNT = {"id": "4711", "name": "Lumen Shoes EU"}
SECRET = "made-up-secret"


@dataclass
class StandIn:
    """One made-up channel. `managers`: the manager through which a person reaches the ad account, where the channel has such."""

    developer_token: str = ""  # wanted in a header of every call with a token; "": none is
    managers: dict[str, str] = field(default_factory=dict)
    unlisted: bool = False  # whether the list leaves the ad account out
    pkce: bool = False  # whether a code without its verifier is refused
    seen: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)  # method, path, headers
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)  # code -> person, challenge
    ended: set[str] = field(default_factory=set)  # people whose tokens are refused
    renews: bool = False  # whether it gives refresh tokens
    mute: bool = False  # whether its token endpoint is out of order
    realm: str = ""  # part of its tokens, so that no other takes them
    account: dict[str, str] = field(default_factory=lambda: dict(ACCOUNT))  # the one ad account

    def __enter__(self) -> "StandIn":
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the library's name
                self.answer(*world.get(urlsplit(self.path).path, self.headers_seen("GET")))

            def do_POST(self) -> None:  # the library's name
                self.headers_seen("POST")
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(*world.exchange(dict(parse_qsl(body))))

            def headers_seen(self, method: str) -> Mapping[str, str]:
                found = {name.lower(): value for name, value in self.headers.items()}
                world.seen.append((method, urlsplit(self.path).path, found))
                return found

            def answer(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def consent(self, address: str, person: str) -> str:
        """Press the button of the consent page at this address as a person, and return the way back."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = f"code-{person}-{len(self.codes)}"
        self.codes[code] = person, asked.get("code_challenge", "")
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, form: Mapping[str, str]) -> tuple[int, Any]:
        """Answer the token endpoint."""
        if self.mute:
            return 503, {"error": "unavailable"}
        if form.get("grant_type") == "refresh_token":
            return self.renew(form)
        person, challenge = self.codes.pop(form.get("code", ""), ("", ""))
        if not person or form.get("client_secret") != SECRET:
            return 400, {"error": "invalid_grant"}
        if self.pkce and (not challenge or _challenge(form.get("code_verifier", "")) != challenge):
            return 400, {"error": "invalid_grant", "error_description": "code_verifier"}
        more = {"refresh_token": f"SBXREFRESH{self.realm}-{person}"} if self.renews else {}
        return 200, {"access_token": f"SBXTOKEN{self.realm}-{person}", **more}

    def renew(self, form: Mapping[str, str]) -> tuple[int, Any]:
        """Answer a renewal by refresh token, which stays as it is."""
        kind, _, person = form.get("refresh_token", "").partition("-")
        if kind != f"SBXREFRESH{self.realm}" or person in self.ended or form.get("client_secret") != SECRET:
            return 400, {"error": "refused"}
        return 200, {"access_token": f"SBXTOKEN{self.realm}-{person}"}

    def get(self, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        """Answer the API."""
        kind, _, person = headers.get("authorization", "").partition("-")
        if kind != f"Bearer SBXTOKEN{self.realm}" or person in self.ended:
            return 401, {"error": "invalid_token"}
        if self.developer_token and headers.get("developer-token") != self.developer_token:
            return 403, {"error": "app", "error_description": "developer token"}
        manager = self.managers.get(person, "")
        if path == "/v1/me":
            return 200, {"id": f"native-{person}", "name": person.title()}
        if path == "/v1/accounts":
            found = {**self.account, **({"manager": manager} if manager else {})}
            return 200, {"accounts": [] if self.unlisted else [found]}
        if path == f"/v1/accounts/{self.account['id']}":
            if manager and headers.get("login-customer-id") != manager:
                return 403, {"error": "not_permitted"}
            return 200, {**self.account, **({"manager": manager} if manager else {})}
        return 404, {"error": "not_found"}


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
