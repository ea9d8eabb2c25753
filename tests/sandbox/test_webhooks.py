"""What the stand-ins push, seen by a plain web server: shapes and signatures as documented, checked without our own code."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.sandbox import Sandbox


class Receiver:
    """An address of an app: keeps what is posted, and answers what it is told to."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.verify_token, self.secret = "word", Sandbox.X_SECRET
        self.answer = b"{}"
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                self._say(receiver.challenge(asked))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self._say(receiver.answer)

            def _say(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def challenge(self, asked: dict[str, str]) -> bytes:
        if "crc_token" in asked:
            made = hmac.new(self.secret.encode(), asked["crc_token"].encode(), hashlib.sha256).digest()
            return json.dumps({"response_token": "sha256=" + base64.b64encode(made).decode()}).encode()
        right = asked.get("hub.mode") == "subscribe" and asked.get("hub.verify_token") == self.verify_token
        return asked["hub.challenge"].encode() if right else b"no"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def unsigned(form: bytes) -> dict[str, object]:
    """Open a signed_request after checking its signature by hand."""
    signature, payload = parse_qs(form.decode())["signed_request"][0].split(".")
    made = hmac.new(Sandbox.FACEBOOK_SECRET.encode(), payload.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64encode(made).decode().rstrip("=") == signature
    data: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return data


def user_id(sandbox: Sandbox, channel: str, key: str) -> str:
    users = sandbox.state()["users"]
    return next(str(user["id"]) for user in users if (user["channel"], user["key"]) == (channel, key))


def test_facebook_posts_a_signed_request_for_a_removed_app_and_for_a_deletion(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.put_app("facebook", deauthorise_url=receiver.url, settings={"deletion_url": receiver.url})
    receiver.answer = b'{"url": "http://app.example/", "confirmation_code": "abc"}'

    sandbox.cancel_authorisation("facebook", "ada")
    answer = sandbox.request_deletion("ada")

    removed, deletion = (unsigned(body) for _, body in receiver.posts)
    assert answer == {"url": "http://app.example/", "confirmation_code": "abc"}
    assert set(removed) == {"user_id", "algorithm", "issued_at"}
    assert set(deletion) == {"user_id", "algorithm", "issued_at", "expires"}
    assert removed["user_id"] == deletion["user_id"] == user_id(sandbox, "facebook", "ada")


def test_facebooks_webhook_tells_of_permissions_and_of_the_whole_app(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.put_app("facebook", deauthorise_url="", settings={})
    sandbox.put_webhook("facebook", receiver.url, verify_token="word")
    sandbox.issue_token("facebook", "ada", scopes=["ads_read", "ads_management"])

    sandbox.set_consent("ada", scopes=["ads_read"])
    sandbox.set_consent("ada", accounts=["Marlo Optics"])
    sandbox.cancel_authorisation("facebook", "ada")

    bodies = [json.loads(body) for _, body in receiver.posts]
    fields = [change["field"] for body in bodies for change in body["entry"][0]["changes"]]
    headers, raw = receiver.posts[-1]
    made = hmac.new(Sandbox.FACEBOOK_SECRET.encode(), raw, hashlib.sha256).hexdigest()
    assert [body["object"] for body in bodies] == ["permissions"] * 3
    assert "ads_management" in fields
    (unticked,) = bodies[1]["entry"][0]["changes"]
    assert (unticked["field"], unticked["value"]["verb"]) == ("ads_read", "revoked")
    assert len(unticked["value"]["target_ids"]) == 3
    assert bodies[-1]["entry"][0]["changes"] == [{"field": "connected", "verb": "revoked"}]
    assert headers["x-hub-signature-256"] == f"sha256={made}"


@pytest.mark.parametrize("legacy", [False, True])
def test_x_tells_that_a_person_removed_the_app_in_both_documented_shapes(
    legacy: bool, sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.put_app("x", settings={"legacy_events": legacy})
    sandbox.put_webhook("x", receiver.url)

    sandbox.cancel_authorisation("x", "ada")

    ((headers, raw),) = receiver.posts
    made = base64.b64encode(hmac.new(Sandbox.X_SECRET.encode(), raw, hashlib.sha256).digest()).decode()
    said = json.loads(raw)
    whose = said["user_event"]["revoke"]["source"] if legacy else said["data"]["payload"]
    assert headers["x-twitter-webhooks-signature"] == f"sha256={made}"
    assert whose["user_id"] == user_id(sandbox, "x", "ada")
    assert legacy or said["data"]["event_type"] == "oauth.revoke"
