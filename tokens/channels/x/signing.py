"""Signatures of OAuth 1.0a (HMAC-SHA1, by oauthlib), and which addresses we sign for others.

https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature
"""

import logging
import re
from collections.abc import Mapping
from typing import Literal, cast
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from django.conf import settings
from oauthlib.oauth1 import Client

from tokens.channels.base import AppKeys, Credentials

# At DEBUG oauthlib logs what it signs, tokens included, in a spelling that the log's scrubber does not know.
logging.getLogger("oauthlib").setLevel(logging.INFO)

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
LONGEST = 8000  # characters of an address or of all parameters
# What paths of X's APIs are made of. No "%" and no backslash, so that X cannot read another path than we do.
_PATH = re.compile(r"(/[A-Za-z0-9_.~:,-]+)+")
_QUERY = re.compile(r"[A-Za-z0-9_.~:,/?@!$'()*+;=&%-]*")
_OAUTH_PATHS = frozenset({"oauth", "oauth2"})


def header(
    app: AppKeys,
    credentials: Credentials,
    *,
    method: str,
    url: str,
    params: Mapping[str, str] | None = None,
    callback: str = "",
    verifier: str = "",
    nonce: str | None = None,
    timestamp: int | None = None,
) -> str:
    """Return the Authorization header of one request.

    `params` are those of query and form that are not in the address already; the place makes no difference to the signature.
    `credentials` may be a request token, or empty for the first step. `nonce` and `timestamp` are new ones if left out.
    """
    client = Client(
        app.client_id,
        client_secret=app.secret,
        resource_owner_key=credentials.access_token or None,
        resource_owner_secret=credentials.secret or None,
        callback_uri=callback or None,
        verifier=verifier or None,
        nonce=nonce,
        timestamp=None if timestamp is None else str(timestamp),
    )
    address, _, query = url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True) + list((params or {}).items())
    # quote and not quote_plus: the signature is over %20. All goes into the address, where oauthlib takes it for any method.
    signed = f"{address}?{urlencode(pairs, quote_via=quote)}" if pairs else address
    verb = cast("Literal['GET']", method)  # its type names a few methods only
    _, headers, _ = client.sign(signed, http_method=verb)
    return str(headers["Authorization"])


def check(method: str, url: str, params: Mapping[str, str]) -> None:
    """Raise ValueError unless a publishing job may have this request signed; its text says what is allowed."""
    if method not in METHODS:
        raise ValueError(f"The method must be one of {', '.join(METHODS)}.")
    if any(name.lower().startswith("oauth_") for name in _names(url, params)):
        raise ValueError(
            "Leave out parameters that begin with oauth_: the Authorization header carries them."
        )
    if len(url) + sum(len(name) + len(value) for name, value in params.items()) > LONGEST:
        raise ValueError(f"Address and parameters together may have at most {LONGEST} characters.")
    bases = [urlsplit(base) for base in (settings.X_ADS_URL, settings.X_API_URL)]
    parts = _split(url)
    if parts is None or not any(_is_below(parts, base) for base in bases):
        raise ValueError(
            f"Only addresses below {settings.X_ADS_URL}/ and {settings.X_API_URL}/ are signed, without user name, port, "
            "fragment, encoded characters or dots in the path, and never those of the log-in itself (oauth, oauth2)."
        )


def _names(url: str, params: Mapping[str, str]) -> list[str]:
    query = url.partition("?")[2]
    return [name for name, _ in parse_qsl(query, keep_blank_values=True)] + list(params)


def _split(url: str) -> SplitResult | None:
    """Take an address apart; None where other readers might see another one in it."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url or "#" in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    segments = parts.path.split("/")
    plain = _PATH.fullmatch(parts.path) and _QUERY.fullmatch(parts.query)
    if not plain or any(set(segment) == {"."} for segment in segments):
        return None
    return None if _OAUTH_PATHS & {segment.lower() for segment in segments} else parts


def _is_below(parts: SplitResult, base: SplitResult) -> bool:
    same_origin = (parts.scheme, parts.netloc.lower()) == (base.scheme, base.netloc.lower())
    return same_origin and parts.path.startswith(f"{base.path.rstrip('/')}/")
