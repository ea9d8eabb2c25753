"""Reading lines of JSON that say what a channel answered, and saying what it means. For `manage.py classify`; needs no database."""

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

from tokens.channels import registry
from tokens.channels.base import Channel
from tokens.channels.kinds import Answer, Call

CALLS: tuple[str, ...] = get_args(Call)
NEEDED = ("channel", "call", "status")
KNOWN = {*NEEDED, "headers", "body"}
LONGEST_NUMBER = 400  # digits


class BadLine(ValueError):  # noqa: N818  # it is about the line, not about us
    """A line that says nothing that could be classified. Its text says what is wrong and what there is."""


def classify_line(line: str, *, note: Callable[[str], None] | None = None) -> dict[str, str | None]:
    """Return verdict, reason and row of one line: `{"channel", "call", "status"}` with `headers` and `body` where there are any.

    `body` may be a JSON value or text; names of headers may be written in any case. Fields that we do not know are left alone, and named
    to `note`. Raises BadLine.
    """
    given = _read(line)
    if note is not None and (strange := sorted(set(given) - KNOWN)):
        note(f"{', '.join(map(repr, strange))} not read. Fields: {', '.join([*NEEDED, 'headers', 'body'])}.")
    channel = _channel(given["channel"])
    answer = Answer(
        call=_call(given["call"]),
        status=_status(given["status"]),
        headers=_headers(given.get("headers")),
        body=_body(given.get("body")),
    )
    classification = channel.classify(answer)
    return {
        "verdict": classification.verdict.value,
        "reason": classification.reason.value if classification.reason else None,
        "row": classification.row,
    }


def _read(line: str) -> Mapping[str, Any]:
    try:
        given = json.loads(line.lstrip("\ufeff"), parse_int=_whole)
    except ValueError as error:
        raise BadLine("This is no JSON. Write one object per line.") from error
    except RecursionError as error:
        raise BadLine("This is nested too deep to be read.") from error
    if not isinstance(given, dict):
        raise BadLine('Write an object: {"channel": ..., "call": ..., "status": ..., "body": ...}.')
    if missing := [name for name in NEEDED if name not in given]:
        raise BadLine(f"{', '.join(missing)} missing. Needed: {', '.join(NEEDED)}.")
    return given


def _whole(digits: str) -> int | str:
    """Return the number; one that Python refuses to read for its length stays text, so that its line gets a verdict too."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else digits


def _channel(key: object) -> Channel:
    try:
        return registry.get(str(key))
    except registry.UnknownChannel as error:
        raise BadLine(str(error)) from error


def _call(name: object) -> Call:
    if name not in CALLS:
        raise BadLine(f"There is no call {name!r}. Calls: {', '.join(CALLS)}.")
    return name  # type: ignore[return-value]  # one of the names, as just checked


def _status(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 999:
        raise BadLine("status is an HTTP status as a number; 0 where no answer came.")
    return value


def _headers(value: object) -> dict[str, str]:
    """Return the headers as our own HTTP gives them: names in lower case."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadLine("headers is an object of texts.")
    return {
        str(name).lower(): text if isinstance(text, str) else json.dumps(text) for name, text in value.items()
    }


def _body(value: object) -> object:
    """Return the body as the tables take it: an empty one is an empty text."""
    return "" if value is None else value
