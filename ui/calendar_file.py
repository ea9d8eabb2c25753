"""A calendar as RFC 5545 has it, for programs that subscribe to an address: whole days, and nothing that repeats.

https://www.rfc-editor.org/rfc/rfc5545
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

MEDIA_TYPE = "text/calendar; charset=utf-8"
_LINE = 75  # bytes that a line may have, section 3.1
_NOT_TEXT = {code: None for code in (*range(0x20), 0x7F) if chr(code) not in "\n\t"}
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


@dataclass(frozen=True)
class CalendarEvent:
    """One event of a whole day. A program knows it again by its `uid`, and a greater `sequence` says that it was moved."""

    uid: str
    day: date
    title: str
    text: str
    url: str
    sequence: int
    changed: datetime  # aware


def calendar(name: str, about: str, events: Iterable[CalendarEvent], *, every: timedelta) -> bytes:
    """Return the file. `every`: how often a program may come for it. Never raises."""
    hours = f"PT{every // timedelta(hours=1)}H"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//AdToken//Deadlines//EN",
        "CALSCALE:GREGORIAN",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        f"DESCRIPTION:{_text(about)}",
        f"X-WR-CALDESC:{_text(about)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{hours}",
        f"X-PUBLISHED-TTL:{hours}",
    ]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _event(event: CalendarEvent) -> list[str]:
    changed = event.changed.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return [
        "BEGIN:VEVENT",
        f"UID:{_text(event.uid)}",
        f"DTSTAMP:{changed}",
        f"LAST-MODIFIED:{changed}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{event.day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_text(event.title)}",
        f"DESCRIPTION:{_text(event.text)}",
        f"URL:{event.url}",
        "TRANSP:TRANSPARENT",  # nobody is busy because of it
        "END:VEVENT",
    ]


def _text(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n").translate(_NOT_TEXT).translate(_ESCAPED)


def _folded(line: str) -> bytes:
    """Return a line with its end, broken where it is too long, and never within a character."""
    if line.isascii():  # nearly all are: each letter is a byte
        whole = line.encode("ascii")
        rest = range(_LINE, len(whole), _LINE - 1)
        return b"\r\n ".join([whole[:_LINE], *(whole[at : at + _LINE - 1] for at in rest)]) + b"\r\n"
    parts, part, room = [], b"", _LINE
    for letter in line:
        encoded = letter.encode("utf-8", "replace")
        if len(part) + len(encoded) > room:
            parts.append(part)
            part, room = b"", _LINE - 1  # a space begins what goes on
        part += encoded
    return b"\r\n ".join([*parts, part]) + b"\r\n"
