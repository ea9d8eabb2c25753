"""Reading single values of an answer or a push without trusting their shape. What does not fit is nothing, never an exception."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ui.text import plain

EARLIEST, LATEST = 1_000_000_000, 4_102_444_800  # 2001 and 2100: a moment that lies outside is garbage
LONGEST_LIFE = timedelta(days=3650)  # of a token; more is cut to it
LONGEST_ID = 30  # digits
DIGITS = re.compile(r"[0-9]{1,30}")
LONGEST_TOKEN = 8192  # characters; no server takes a longer header
_BETWEEN_SCOPES = re.compile(r"[,\s]+")


def number(value: Any) -> int | None:
    """Return a whole number (a real one, or digits), else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def words(value: Any, limit: int = 500) -> str:
    """Return the value if it is text, at most `limit` characters of it, else nothing."""
    return value[:limit] if isinstance(value, str) else ""


def name_of(value: Any, limit: int) -> str:
    """Return what something is called, in one line of at most `limit` characters, without what cannot be seen; "" where nothing is seen."""
    return plain(plain(words(value, 10 * limit))[:limit])


def names(value: Any) -> tuple[str, ...] | None:
    """Return the texts of a list of names; None where it is no list."""
    if not isinstance(value, list):
        return None
    return tuple(name for name in value if isinstance(name, str))


def digits(value: Any) -> str:
    """Return an id that is a number as text, whether it came as a number or as text; "" where it is none."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**LONGEST_ID:
        return str(value)
    fits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= LONGEST_ID
    return value if fits else ""


def spelt(value: Any, pattern: re.Pattern[str], *, prefix: str = "") -> str:
    """Return an id in its one spelling, in lower case and without what may stand before it; "" where it does not fit."""
    found = words(value).strip().removeprefix(prefix).lower()
    return found if pattern.fullmatch(found) else ""


def token_of(value: Any) -> str:
    """Return a token that fits into a header, or nothing."""
    fits = isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii()
    return value if fits and value.isprintable() and " " not in value else ""


def scopes_of(value: Any) -> tuple[str, ...] | None:
    """Return names that commas or blanks part, each once; None where nothing is said."""
    found = [name for name in _BETWEEN_SCOPES.split(words(value, 4000)) if name]
    return tuple(dict.fromkeys(found)) or None


def moment(value: Any) -> datetime | None:
    """Return a time given in seconds since 1970; None where it is none."""
    seconds = number(value)
    if seconds is None or not EARLIEST <= seconds < LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def end_of_life(value: Any, now: datetime) -> datetime | None:
    """Return when a life of so many seconds from now is over; None where they are not told."""
    seconds = number(value)
    if seconds is None or seconds <= 0:
        return None
    return now + timedelta(seconds=min(seconds, int(LONGEST_LIFE.total_seconds())))


def present(*values: int | str | None) -> frozenset[int | str]:
    """Return those codes and names that an answer has."""
    return frozenset(one for one in values if one not in (None, ""))


def codes_in(*values: Any) -> frozenset[int | str]:
    """Return codes out of values of any shape: numbers, also where they came as text, and names."""
    found = [words(one, 100) if (code := number(one)) is None else code for one in values]
    return present(*found)


def message_in(said: Any, *names: str) -> str:
    """Return these texts of an object as one, in this order."""
    return " ".join(filter(None, (words(mapping(said).get(name)) for name in names)))
