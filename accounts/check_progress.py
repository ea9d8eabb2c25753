"""How far the checks are that somebody asked for on a page, and what came of them. The address says when; nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode

from accounts import access_brake, checking
from accounts.models import Account, AccountToken
from accounts.name_visibility import Names
from tokens.channels.kinds import Verdict
from tokens.models import Token
from ui.text import join_names

PARAMETER = "checking"


@dataclass(frozen=True)
class Line:
    """What came of one check, for people."""

    tone: str
    icon: str
    text: str


_TONES = ("bad", "warn", "good")


@dataclass(frozen=True)
class Progress:
    """What a page says of the checks that were asked for on it."""

    asked_at: datetime
    waiting: str  # names, joined; "" where all are done
    late: bool  # nothing came for so long that a worker may be away
    lines: Sequence[Line]  # the worst first

    @property
    def first(self) -> Line | None:
        """The line that gives the whole its tone: the worst one, none while something is waited for."""
        return None if self.waiting or not self.lines else self.lines[0]


def address(page: str, token_ids: Sequence[int], now: datetime) -> str:
    """Return the page's address that shows the progress of these checks."""
    asked = [(PARAMETER, str(int(now.timestamp()))), *(("token", str(token_id)) for token_id in token_ids)]
    return f"{page}?{urlencode(asked)}"


def of(request: HttpRequest, account: Account, names: Names, now: datetime) -> Progress | None:
    """Return how far the checks are that the address names, or None where it names none, or they are long over."""
    given = request.GET.get(PARAMETER, "")
    if not (given.isascii() and given.isdigit() and len(given) <= 11):
        return None
    asked_at = datetime.fromtimestamp(int(given), UTC)
    if not asked_at <= now < asked_at + checking.SHOWN_FOR:
        return None
    wanted = set(request.GET.getlist("token"))
    entries = [entry for entry in account.pool.all() if str(entry.token_id) in wanted]
    waiting = [entry for entry in entries if not checking.is_done(entry.token, now)]
    lines = [_line(account, entry, names, asked_at) for entry in entries if entry not in waiting]
    called = [names.token(entry.token, account) for entry in waiting]
    return Progress(
        asked_at=asked_at,
        waiting=join_names(list(dict.fromkeys(called))),
        late=now >= asked_at + checking.REFRESHED_FOR,
        lines=sorted(lines, key=lambda line: (_TONES.index(line.tone), line.text)),
    )


def look_again(response: HttpResponse, progress: Progress | None) -> HttpResponse:
    """Have the browser open the page again in a moment, while a check is under way. Needs no script."""
    if progress is not None and progress.waiting and not progress.late:
        response["Refresh"] = str(checking.EVERY)
    return response


def _line(account: Account, entry: AccountToken, names: Names, asked_at: datetime) -> Line:
    """Say what came of a check of one token, and of its access to this account."""
    token, label = entry.token, account.get_channel_display()
    name = names.token(token, account)
    told = token.last_checked_at is not None and token.last_checked_at >= asked_at
    if token.state == Token.State.DEAD:
        return Line("bad", "cancel", f"{name}: {label} says that this log-in has stopped.")
    if token.last_check_result == Verdict.APP_FAULT:
        return Line("bad", "error", f"{name}: {label} refuses AdToken itself. No log-in was touched.")
    if token.last_check_result == Verdict.OUR_BUG:
        return Line("bad", "error", f"{name}: AdToken could not ask. Nothing was changed.")
    if not told or token.state != Token.State.VALID:
        return Line("warn", "help", f"{name}: {label} gave no clear answer. We try again by ourselves.")
    if access_brake.is_held(token.pk, account.native_id):
        text = (
            f"{name}: {label} says that the log-in has no access to this account, as of many others at once."
        )
        return Line("warn", "pause_circle", f"{text} That is not believed before {label} was asked again.")
    if entry.access == AccountToken.Access.LOST:
        return Line("warn", "block", f"{name}: the log-in works, but has no access to this account.")
    if entry.can_publish == AccountToken.CanPublish.NO:
        return Line("warn", "block", f"{name}: the log-in works, but cannot publish here.")
    return Line("good", "check_circle", f"{name}: checked, fine.")
