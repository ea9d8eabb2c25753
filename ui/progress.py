"""How far something is that somebody asked for on a page: the address says what and when, nothing is stored, and no script is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponseBase
from django.utils.http import urlencode

PARAMETER, ROW = "checking", "token"
EVERY = 2  # seconds between two looks

# Colour and icon of what came of it, the worst first. The words are in templates/ui/_progress_line.html.
LOOKS = {
    "dead": ("bad", "cancel"),
    "app_fault": ("bad", "warning"),
    "our_bug": ("bad", "warning"),
    "unclear": ("warn", "help"),
    "doubted": ("warn", "pause_circle"),
    "access_lost": ("warn", "block"),
    "cannot_publish": ("warn", "block"),
    "fine": ("good", "check_circle"),
}
_TONES = ("bad", "warn", "good")


@dataclass(frozen=True)
class Asked:
    """What an address says: when it was asked for, and for which rows."""

    at: datetime
    rows: frozenset[str]


@dataclass(frozen=True)
class ResultLine:
    """What came of one row: its name, and a key of LOOKS."""

    name: str
    result: str

    @property
    def tone(self) -> str:
        """Its colour."""
        return LOOKS[self.result][0]

    @property
    def icon(self) -> str:
        """Its icon."""
        return LOOKS[self.result][1]


@dataclass(frozen=True)
class Progress:
    """What a page says of it. `ui/_progress.html` shows it."""

    asked_at: datetime
    waiting: str  # names, joined; "" where all are done
    late: bool  # nothing came for so long that a worker may be away
    lines: Sequence[ResultLine]

    @property
    def worst_first(self) -> list[ResultLine]:
        """The lines in the order of the page."""
        return sorted(self.lines, key=lambda line: (_TONES.index(line.tone), line.name))

    @property
    def first(self) -> ResultLine | None:
        """The line that gives the whole its colour: the worst one, none while something is waited for."""
        return None if self.waiting or not self.lines else self.worst_first[0]


def address(page: str, rows: Sequence[int], now: datetime) -> str:
    """Return the page's address that shows how far these rows are."""
    asked = [(PARAMETER, str(int(now.timestamp()))), *((ROW, str(row)) for row in rows)]
    return f"{page}?{urlencode(asked)}"


def asked(request: HttpRequest) -> Asked | None:
    """Return what the address asks for, None where it asks for nothing."""
    given = request.GET.get(PARAMETER, "")
    if not (given.isascii() and given.isdigit() and len(given) <= 11):
        return None
    return Asked(datetime.fromtimestamp(int(given), UTC), frozenset(request.GET.getlist(ROW)))


def look_again[Answer: HttpResponseBase](answer: Answer, progress: Progress | None) -> Answer:
    """Have the browser open the page again in a moment, while something is waited for and may come."""
    if progress is None or not progress.waiting or progress.late:
        return answer
    return open_again(answer)


def open_again[Answer: HttpResponseBase](answer: Answer) -> Answer:
    """Have the browser open the page again in a moment."""
    answer["Refresh"] = str(EVERY)
    return answer
