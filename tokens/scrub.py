"""Taking secrets out of text: log lines, evidence, errors."""

import json
import logging
import math
import re
from typing import Any

HIDDEN = "[hidden]"

# Names of parameters and JSON keys whose values are secrets at any channel.
SECRET_NAMES = (
    "access_token", "refresh_token", "input_token", "fb_exchange_token", "client_secret", "appsecret_proof", "code",
    "oauth_token", "oauth_token_secret", "oauth_verifier", "oauth_signature", "oauth_consumer_key", "token", "secret",
    "signed_request", "password", "id_token", "auth_code",
)  # fmt: skip
_NAMES = "|".join(SECRET_NAMES)
_PAIR = re.compile(rf"(?i)(\b|%3F|%26)({_NAMES})(=|%3D)([\"']?)[^&\s\"'<>]+")
_JSON = re.compile(rf'(?i)(\\*["\'])({_NAMES})\1(\s*:\s*)(\\*["\'])(?:(?!\4).)*\4')
_HEADER = re.compile(r"(?i)\b(bearer|oauth)\s+[a-z0-9._~+/|=%-]{16,}")
_PATH = re.compile(
    r"(/invitation/|/accounts/password/reset/key/|/push/tiktok/webhook/|/push/facebook/deletion/)[^/\s\"']+"
)
# NUL and half a surrogate pair: a job may report them, PostgreSQL stores neither.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_LONG = re.compile(r"\b(?:EAA[A-Za-z0-9_-]{12,}|[0-9]+-[A-Za-z0-9]{24,}|gAAAAA[A-Za-z0-9_=-]{20,})")


def text(value: str) -> str:
    """Return the text with everything that looks like a secret replaced."""
    value = _JSON.sub(rf"\1\2\1\3\4{HIDDEN}\4", value)
    value = _PAIR.sub(rf"\1\2\3\4{HIDDEN}", value)
    value = _HEADER.sub(rf"\1 {HIDDEN}", value)
    value = _PATH.sub(rf"\1{HIDDEN}", value)
    return _LONG.sub(HIDDEN, value)


def data(value: Any, *, depth: int = 6) -> Any:
    """Return a JSON-like value with secrets replaced, by key and by look; what is nested too deep is dropped."""
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        # "code" is a secret in a callback but the error number in an answer: numbers stay.
        return {
            storable(str(key)): HIDDEN
            if str(key).lower() in SECRET_NAMES and isinstance(item, str) and not item.isdigit() and item != ""
            and not (str(key).lower() == "code" and re.fullmatch(r"[A-Z_]{3,60}", item))
            else data(item, depth=depth - 1)
            for key, item in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [data(item, depth=depth - 1) for item in value[:20]]
    if isinstance(value, str):
        return text(storable(value[:2000]))
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def storable(value: str) -> str:
    """Return the text without what PostgreSQL cannot store."""
    return _UNSTORABLE.sub("\ufffd", value)


def evidence(*, call: str, status: int, body: object) -> dict[str, Any]:
    """Return what a channel answered, fit to be stored and shown: at most 4 kB, without secrets."""
    shown = data(body)
    if len(json.dumps(shown, default=str)) > 4000:
        shown = text(json.dumps(shown, default=str)[:4000])
    return {"call": call, "status": status, "body": shown}


class LogFilter(logging.Filter):
    """Scrubs every log line, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's message by its scrubbed text and let it through."""
        record.msg = text(record.getMessage())
        record.args = None
        if record.exc_info:
            record.exc_text = text(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True
