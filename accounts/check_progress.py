"""How far the checks are that somebody asked for on a page, and what came of them. The address says when; nothing is stored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

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
    found = results(account, set(request.GET.getlist("token")), asked_at=asked_at, now=now)
    lines = [_line(account, entry, result, names) for entry, result in found if result is not None]
    called = [names.token(entry.token, account) for entry, result in found if result is None]
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


class CheckResult(StrEnum):
    """What came of a check of one token, and of its access to one account."""

    DEAD = "dead"
    APP_FAULT = "app_fault"
    OUR_BUG = "our_bug"
    UNCLEAR = "unclear"
    HELD = "held"  # the channel takes the access from many at once, which is not believed yet
    ACCESS_LOST = "access_lost"
    CANNOT_PUBLISH = "cannot_publish"
    FINE = "fine"


def results(
    account: Account, token_ids: Collection[str], *, asked_at: datetime, now: datetime
) -> list[tuple[AccountToken, CheckResult | None]]:
    """Return what came of the checks of these tokens of an account's pool that were asked for then; None: it is not done yet."""
    return [
        (entry, _result(account, entry, asked_at) if checking.is_done(entry.token, now) else None)
        for entry in account.pool.all()
        if str(entry.token_id) in token_ids
    ]


def _result(account: Account, entry: AccountToken, asked_at: datetime) -> CheckResult:
    token = entry.token
    told = token.last_checked_at is not None and token.last_checked_at >= asked_at
    found = (
        (token.state == Token.State.DEAD, CheckResult.DEAD),
        (token.last_check_result == Verdict.APP_FAULT, CheckResult.APP_FAULT),
        (token.last_check_result == Verdict.OUR_BUG, CheckResult.OUR_BUG),
        (not told or token.state != Token.State.VALID, CheckResult.UNCLEAR),
    )
    for holds, result in found:
        if holds:
            return result
    if access_brake.is_held(token.pk, account.native_id):
        return CheckResult.HELD
    if entry.access == AccountToken.Access.LOST:
        return CheckResult.ACCESS_LOST
    return CheckResult.CANNOT_PUBLISH if entry.can_publish == AccountToken.CanPublish.NO else CheckResult.FINE


# What is said of a result: tone, sign, sentence.
_SAID = {
    CheckResult.DEAD: ("bad", "cancel", "{c} says that this log-in has stopped."),
    CheckResult.APP_FAULT: ("bad", "error", "{c} refuses AdToken itself. No log-in was touched."),
    CheckResult.OUR_BUG: ("bad", "error", "AdToken could not ask. Nothing was changed."),
    CheckResult.UNCLEAR: ("warn", "help", "{c} gave no clear answer. We try again by ourselves."),
    CheckResult.HELD: (
        "warn",
        "pause_circle",
        "{c} says that the log-in has no access to this account, as of many others at once. "
        "That is not believed before {c} was asked again.",
    ),
    CheckResult.ACCESS_LOST: ("warn", "block", "the log-in works, but has no access to this account."),
    CheckResult.CANNOT_PUBLISH: ("warn", "block", "the log-in works, but cannot publish here."),
    CheckResult.FINE: ("good", "check_circle", "checked, fine."),
}


def _line(account: Account, entry: AccountToken, result: CheckResult, names: Names) -> Line:
    tone, icon, text = _SAID[result]
    said = text.format(c=account.get_channel_display())
    return Line(tone, icon, f"{names.token(entry.token, account)}: {said}")
