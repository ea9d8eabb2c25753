"""The channels' addresses: what the settings say, and whether another is one of them, before a token or a signature goes there."""

import re
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from tokens.channels.kinds import Declaration

# No "%" and no backslash, so that nobody can read another path than we do.
_STRICT_PATH = re.compile(r"(/[A-Za-z0-9_.~:,-]+)+")
_STRICT_QUERY = re.compile(r"[A-Za-z0-9_.~:,/?@!$'()*+;=&%-]*")


def configured(setting: str) -> str:
    """Return what a channel's setting says, read when asked: one of its addresses, without the last slash, or its version."""
    return str(getattr(settings, setting)).rstrip("/")


def api_base(declared: Declaration) -> str:
    """Return what every address of a channel's ads API begins with, without a slash at its end."""
    path = declared.api_path.format(version=configured(declared.versions.setting))
    return f"{configured(declared.api)}/{path}"


def path_below(url: str, base_url: str) -> str | None:
    """Return the part of the path below a `configured` base, without the first slash; None for every other address.

    None too where other readers might see another address in it: user name, port, fragment, empty or dotted segments of the path, and
    encoded characters.
    """
    parts = _split(url)
    if parts is None:
        return None
    base = urlsplit(base_url)
    prefix = f"{base.path}/"
    same = (parts.scheme, parts.netloc.lower()) == (base.scheme, base.netloc.lower())
    fits = same and parts.path.startswith(prefix) and parts.path != prefix
    return parts.path.removeprefix(prefix) if fits else None


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url or "#" in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if not _STRICT_PATH.fullmatch(parts.path) or not _STRICT_QUERY.fullmatch(parts.query):
        return None
    return None if any(set(segment) == {"."} for segment in parts.path.split("/")) else parts
