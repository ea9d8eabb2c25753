"""Answers that no channel means: what gateways, dying servers and bad days send in place of one. Each is a fault of the stand-ins."""

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

ECHO = "Request: GET /me access_token={token} Authorization: Bearer {token}"
"""What pages of gateways repeat of the request; `told` fills the token in."""
PAGE = f"<html><head><title>Sorry</title></head><body>Something went wrong. {ECHO}</body></html>"
FIREWALL = (
    "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \nYou don't have permission to access"
    ' "http&#58;&#47;&#47;api&#46;example&#46;com&#47;" on this server.<P>\nReference&#32;&#35;18&#46;2d7c1702&#46;1732586400&#46;1a2b3c4\n'
    "</BODY>\n</HTML>"
)
"""What firewalls before an API answer to an address that they dislike; nobody's role has changed."""
STORAGE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>7X</RequestId></Error>"
)
STRANGE = {
    "access_token": {"of": 1}, "refresh_token": [], "expires_in": "soon", "scope": 5, "data": "none", "elements": 7, "items": None,
    "me": [], "id": {}, "code": "0", "message": {"a": [ECHO]}, "core_user_id": [], "active": "perhaps", "is_valid": "maybe",
}  # fmt: skip


def _raw(body: bytes, status: int = 200, **headers: str) -> dict[str, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"status": status, "base64": base64.b64encode(body).decode(), "headers": sent}


def _json(body: Any, status: int = 200) -> dict[str, Any]:
    return {"status": status, "body": body, "headers": {"Content-Type": "application/json"}}


_MEGABYTE = "x" * 1_000_000
_BOMB = gzip.compress(b'{"a": "' + b" " * 60_000_000 + b'"}')
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "500": {"status": 500, "body": f"Internal Server Error {ECHO}"},
    "500 in JSON": _json({"error": {"message": f"An unknown error occurred {ECHO}"}}, 500),
    "429": {"status": 429, "body": "Too Many Requests"},
    "429, come back in 20 s": {"status": 429, "body": "Too Many Requests", "headers": {"Retry-After": "20"}},
    "429, come back at noise": {"status": 429, "body": "", "headers": {"Retry-After": "Thu, 99 Foo -1"}},
    "a page, 200": {"status": 200, "body": PAGE},
    "a page, 502": {"status": 502, "body": PAGE},
    "a page, 403": {"status": 403, "body": PAGE},
    "a firewall's page, 403": {"status": 403, "body": FIREWALL},
    "a firewall's page, 401": {"status": 401, "body": FIREWALL},
    "a firewall's page, 200": {"status": 200, "body": FIREWALL},
    "a storage's error, 403": {"status": 403, "body": STORAGE, "headers": {"Content-Type": "application/xml"}},
    "a firewall's words, 403": {"status": 403, "body": "error code: 1020"},
    "a gateway's JSON, 403": _json({"message": "Forbidden"}, 403),
    "a gateway's JSON, 401": _json({"message": "Unauthorized"}, 401),
    "a gateway's JSON, denied": _json({"statusCode": 403, "message": "Access denied due to a rule."}, 403),
    "a redirect to a page": {"status": 302, "body": PAGE, "headers": {"Location": "/sorry"}},
    "204": {"status": 204},
    "503, come back in an hour": {"status": 503, "body": PAGE, "headers": {"Retry-After": "3600"}},
    "a page, 404": {"status": 404, "body": PAGE},
    "half a body": {**_json({"error": {"message": ECHO}, "data": ["x" * 50] * 40}), "cut": True},
    "nothing": {"drop": True},
    "an empty body": {"status": 200},
    "an empty body, 401": {"status": 401},
    "an empty body, 403": {"status": 403},
    "an empty body, 404": {"status": 404},
    "20 MB": {"status": 200, "body": _MEGABYTE, "repeat": 20},
    "20 MB, 500": {"status": 500, "body": _MEGABYTE, "repeat": 20},
    "UTF-16": _raw(json.dumps({"error": ECHO}).encode("utf-16"), Content_Type="application/json"),
    "UTF-16, 400": _raw(json.dumps({"error": ECHO}).encode("utf-16"), 400, Content_Type="application/json; charset=utf-16"),
    "Latin-1 that says UTF-8": _raw('{"error": "ungültig"}'.encode("latin-1"), Content_Type="application/json; charset=utf-8"),
    "gzip of 60 MB": _raw(_BOMB, Content_Type="application/json", Content_Encoding="gzip"),
    "gzip of noise": _raw(b"this is not gzip at all", Content_Encoding="gzip"),
    "half a gzip": _raw(gzip.compress(PAGE.encode())[:60], Content_Encoding="gzip"),
    "a list": _json([]),
    "a list, 400": _json([{"message": ECHO}], 400),
    "null": {"status": 200, "body": "null", "headers": {"Content-Type": "application/json"}},
    "an empty object": _json({}),
    "strange values": _json(STRANGE),
    "10,000 deep": {"status": 200, "body": '{"a":' * 10_000 + "1" + "}" * 10_000},
    "300 deep": {"status": 200, "body": '{"data":' * 300 + "1" + "}" * 300},
    "10,000 deep, 400": {"status": 400, "body": "[" * 10_000 + "]" * 10_000},
    "a number of 100,000 digits": {"status": 200, "body": '{"code": ' + "9" * 100_000 + "}"},
}  # fmt: skip
MOST_TOLD = (
    "500", "429", "429, come back in 20 s", "a page, 200", "a page, 502", "a firewall's page, 403", "half a body", "nothing", "20 MB",
    "UTF-16", "gzip of 60 MB", "strange values",
)  # fmt: skip


def told(shape: str, token: str) -> dict[str, Any]:
    """Return the fields of a fault; pages and messages repeat this token, as they do."""
    fields = dict(SHAPES[shape])
    if "body" in fields and len(str(fields["body"])) < 10_000:
        fields["body"] = json.loads(json.dumps(fields["body"]).replace("{token}", token))
    return fields
