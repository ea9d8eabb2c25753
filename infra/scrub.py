"""Taking secrets out of text: log lines, evidence, errors."""

import base64
import itertools
import json
import logging
import math
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

HIDDEN = "[hidden]"
MOST_KEYS = 100  # of one object; what is more is dropped

# Names of parameters and JSON keys whose values are secrets at any channel.
SECRET_NAMES = (
    "access_token", "refresh_token", "input_token", "fb_exchange_token", "client_secret", "appsecret_proof", "code",
    "oauth_token", "oauth_token_secret", "oauth_verifier", "oauth_signature", "oauth_consumer_key", "token", "secret",
    "signed_request", "password", "id_token", "auth_code",
)  # fmt: skip
# accessToken, my_page_token, Access-Token, webhookSecret: a name that ends so holds a secret whatever comes before it.
_ENDINGS = r"[\w-]{0,40}(?:token|secret|password)"
_SECRET_KEY = re.compile(rf"(?i)(?:{'|'.join(SECRET_NAMES)}|{_ENDINGS}|authorization|cookie|api[_-]?key)")
_NAMES = "|".join([*SECRET_NAMES, _ENDINGS])
_PAIR = re.compile(rf"(?i)(\b|%3F|%26)({_NAMES})(=|%3D)([\"']?)[^&\s\"'<>]+")
_JSON = re.compile(rf'(?i)(?<!\\)(\\*["\'])({_NAMES})\1(\s*:\s*)(\\*["\'])(?:(?!\4).)*\4')
_HEADER = re.compile(r"(?i)\b(bearer|oauth)\s+[a-z0-9._~+/|=%-]{16,}")
_BASIC = re.compile(r"(?i)\b(basic)\s+[a-z0-9+/_-]{8,}={0,2}")
# "secrets": ["...", "..."], in JSON or as Python prints it, whole or cut off.
_LIST = re.compile(rf'(?i)(?<!\\)(\\*["\'])((?:{_NAMES})s?)\1(\s*:\s*)[\[(][^\])]*')
_ADDRESS = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://[^\s:/?#@\"']*):[^\s/?#\"']+@")
# A header, or a line of a configuration: the name, a colon, the value without quotes. In log lines alone: prose has colons, too.
_LINE = re.compile(
    rf"(?i)(?<![\w-])((?:{_ENDINGS}|authorization|cookie|set-cookie|api[_-]?key)\s*:\s*)(?=[^\s\"']*\d)[^\s\"']{{6,}}"
)
_PASSWORD = re.compile(r"(?i)(?<![\w-])((?:[\w-]{0,40}password|passwd|pwd)\s*[:=]\s*)[^\s\"'&]+")
_IN_LINES = ("token", "secret", "pass", "pwd", "authorization", "cookie", "apikey", "api-key", "api_key")
_PATH = re.compile(
    # Calendar programs still ask for addresses of 0.2.0, which a return to it would open.
    # Below a channel's webhook stands the number of an app, which is no secret, or a key; below /mails/ a signed number, or a file of code.
    r"(/invitation/|/renew/|/calendar/|/give-access/|/mails/(?=\d+(?::|%3[Aa]))|/accounts/password/reset/key/|/push/[a-z0-9]+/(?:webhook/(?!\d+\b|\?)|deletion/))[^/\s\"']+"
)
# What no name gives away: long runs of the characters that tokens are made of.
_RUN = re.compile(r"[A-Za-z0-9_+/=%~|.-]{24,}")
_BASE64 = re.compile(r"[A-Za-z0-9+][A-Za-z0-9+/]{39,}={0,2}")
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONG_PART = re.compile(r"[^/.]{24,}")
_SOLID = re.compile(r"[A-Za-z0-9]{10,}")
# NUL and half a surrogate pair: a job may report them and a file hold them, PostgreSQL stores neither.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_LONG = re.compile(
    r"\b(?:EAA[A-Za-z0-9_-]{12,}|[0-9]+-[A-Za-z0-9]{24,}|gAAAAA[A-Za-z0-9_=-]{20,}|adt_[0-9a-f]{12,}|pin[ar]c?_[A-Za-z0-9_-]{12,})"
)
_IN_LONG = ("EAA", "gAAAAA", "-", "_")


def text(value: str) -> str:
    """Return the text with everything that looks like a secret replaced."""
    if '"' in value or "'" in value:
        value = _JSON.sub(rf"\1\2\1\3\4{HIDDEN}\4", value)
        value = _LIST.sub(rf"\1\2\1\3[{HIDDEN}", value)
    if "://" in value:
        value = _ADDRESS.sub(rf"\1:{HIDDEN}@", value)
    if "=" in value or "%3D" in value.upper():  # the slowest pattern, and most texts have no pair
        value = _PAIR.sub(rf"\1\2\3\4{HIDDEN}", value)
    folded = value.casefold()
    if "bearer" in folded or "oauth" in folded:
        value = _HEADER.sub(rf"\1 {HIDDEN}", value)
    if "bas" in folded:  # an "i" may be written without its dot
        value = _BASIC.sub(rf"\1 {HIDDEN}", value)
    value = _PATH.sub(rf"\1{HIDDEN}", value)
    if any(part in value for part in _IN_LONG):
        value = _LONG.sub(HIDDEN, value)
    return value


def strange(value: str) -> str:
    """Return a text of a shape that we do not know, without secrets: what merely looks like a token is hidden too.

    Ids of digits, UUIDs, words and addresses stay. For log lines it hides too much.
    """
    return _RUN.sub(_veil, text(value))


def _veil(found: re.Match[str]) -> str:
    run = found[0]
    if _BASE64.fullmatch(run) and _is_opaque(run) and run != run.lower():
        return HIDDEN
    return _LONG_PART.sub(lambda part: HIDDEN if _is_opaque(_UUID.sub("", part[0])) else part[0], run)


def _is_opaque(run: str) -> bool:
    """Return whether a part of it mixes letters and digits: an id of digits alone, or words, are no secret."""
    return any(not (part.isdigit() or part.isalpha()) for part in _SOLID.findall(run))


def used(value: str, secrets: Iterable[str]) -> str:
    """Return the text without secrets that are known by value, as they are, escaped for an address, or in Base64."""
    for secret in secrets:
        for form in _forms(secret):
            value = value.replace(form, HIDDEN)
    return value


def _forms(secret: str) -> set[str]:
    """Return how a secret may be written; nothing for one that is too short to be told from a word."""
    if len(secret) < 4:
        return set()
    coded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, quote(secret, safe=""), coded, coded.replace("+", "-").replace("/", "_")}


def data(value: Any, *, depth: int = 6, clean: Callable[[str], str] = text) -> Any:
    """Return a JSON-like value with secrets replaced, by key and by look; what is nested too deep is dropped.

    `clean` is what is done to each text: `text`, or `strange` where the shape is not known.
    """
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        return {
            clean(storable(str(key)[:200])): HIDDEN
            if is_secret(str(key), item)
            else data(item, depth=depth - 1, clean=clean)
            for key, item in itertools.islice(value.items(), MOST_KEYS)
        }
    if isinstance(value, list):
        return [data(item, depth=depth - 1, clean=clean) for item in value[:20]]
    if isinstance(value, str):
        # Cleaned before it is cut: what the cut leaves of a token would not look like one.
        return clean(storable(value[:4000]))[:2000]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def is_secret(key: str, item: Any) -> bool:
    """Return whether a text is a secret, judged by its name.

    "code" is one in a callback but the error number in an answer: numbers and names stay.
    """
    if not isinstance(item, str) or item == "" or item.isdigit() or not _SECRET_KEY.fullmatch(key):
        return False
    return not (key.lower() == "code" and re.fullmatch(r"[A-Z_]{3,60}", item))


def storable(value: str) -> str:
    """Return the text without what PostgreSQL cannot store."""
    return UNSTORABLE.sub("\ufffd", value)


def evidence(*, call: str, status: int, body: object) -> dict[str, Any]:
    """Return what a channel answered, fit to be stored and shown: at most 4 kB, without secrets."""
    shown = data(body, clean=strange)
    if len(json.dumps(shown, default=str)) > 4000:
        shown = text(json.dumps(shown, default=str)[:4000])
    return {"call": call, "status": status, "body": shown}


def line(value: str) -> str:
    """Return a log line or traceback without secrets: of a known name or shape, by look, and our own configuration by value."""
    for form in _configured_forms() if settings.configured else ():
        value = value.replace(form, HIDDEN)
    folded = value.casefold()
    # The slowest patterns, and each call of a job writes a line.
    if any(word in folded for word in _IN_LINES):
        value = _LINE.sub(rf"\1{HIDDEN}", value)
        value = _PASSWORD.sub(rf"\1{HIDDEN}", value)
    return strange(value)


@lru_cache(maxsize=1)
def _configured_forms() -> tuple[str, ...]:
    """Return every writing of the secrets of this installation that are in the environment."""
    database = settings.DATABASES["default"].get("PASSWORD", "")
    redis = urlsplit(settings.REDIS_URL).password or ""
    found = [
        settings.SECRET_KEY,
        *settings.SECRET_KEY_FALLBACKS,
        *settings.FERNET_KEYS,
        settings.METRICS_TOKEN,
    ]
    found += [database, redis, settings.EMAIL_HOST_PASSWORD]
    return tuple(form for secret in found if secret for form in _forms(secret))


@receiver(setting_changed)
def _forget(**_changed: Any) -> None:
    _configured_forms.cache_clear()


def named(value: str) -> str:
    """Return the text of a file, quoted, for a message about it; not what may be a secret in the wrong place."""
    return repr(value) if len(value) <= 60 and not _is_opaque(value) and text(value) == value else HIDDEN


class LogFilter(logging.Filter):
    """Scrubs every log line, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's message, traceback and stack by their scrubbed text and let it through."""
        record.msg = line(record.getMessage())
        record.args = None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = line(record.exc_text)
        if record.stack_info:
            record.stack_info = line(record.stack_info)
        return True
