"""The log-ins of a campaign as its board and its file show them. A person of another team has no name there."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts import quiet, summary
from accounts.campaigns.stages import MAIL_FAILED, OPEN, QUEUED, SNOOZED
from accounts.export_rows import safe
from accounts.models import Account, AccountToken, Campaign, CampaignLogIn, LinkProblem
from tokens.channels import declarations
from tokens.models import Token
from ui import dates
from ui.dates import DeadlineFacts
from ui.mails import called
from ui.name_visibility import NameVisibility
from ui.phrases import blocks, phrase
from users.models import User
from users.visibility import names_for

WORDS = "words/campaigns.txt"
say = partial(phrase, WORDS)
HEAD = [
    "channel", "person", "log_in", "stage", "why", "accounts", "first_account", "first_asked_utc", "reminders", "opened_utc",
    "at_channel_utc", "done_utc", "token_state", "deadline_utc",
]  # fmt: skip
PART = 500  # rows of the file that are read at once
Stage = CampaignLogIn.Stage


@dataclass(frozen=True)
class Line:
    """One log-in on the board."""

    row: CampaignLogIn
    channel: str  # key
    name: str
    about: str  # channel, and the name there
    accounts: str
    url: str  # of the first account's pool; "" where the viewer sees none
    why: str
    stopped: bool
    deadline: DeadlineFacts
    reminders: int
    next_at: datetime | None  # the next reminder, where one is coming
    reached: str  # how far it had come when the campaign ended without it; "" where that does not matter
    reached_at: datetime | None


@dataclass(frozen=True)
class _Reach:
    """The accounts of a log-in that a viewer sees: the first by name, and how many."""

    first: Account | None = None
    number: int = 0

    @property
    def text(self) -> str:
        """The first and how many more."""
        return called([self.first.name], self.number) if self.first else ""


def lines(rows: Iterable[CampaignLogIn], *, viewer: User, now: datetime) -> list[Line]:
    """Return the lines of a page. Five queries."""
    some = _with_tokens(rows)
    reach, names = _reach([row.token_id for row in some], viewer), names_for(viewer)
    until = _snoozed(some, now)
    return [_line(row, reach.get(row.token_id, _Reach()), names, now, until) for row in some]


def _snoozed(rows: Sequence[CampaignLogIn], now: datetime) -> dict[int, date]:
    """Return until when the log-ins of these rows are snoozed that are not asked for because of it."""
    ids = [row.token_id for row in rows if row.why == SNOOZED]
    return quiet.log_ins(ids, now=now) if ids else {}


def _with_tokens(rows: Iterable[CampaignLogIn]) -> list[CampaignLogIn]:
    found = list(rows)
    tokens = Token.objects.select_related("app", "consented_by").defer("credentials")
    by_id = tokens.in_bulk([row.token_id for row in found])
    for row in found:
        row.token = by_id[row.token_id]
    return found


def _line(
    row: CampaignLogIn, reach: _Reach, names: NameVisibility, now: datetime, until: Mapping[int, date]
) -> Line:
    token = row.token
    stopped = token.state == Token.State.DEAD
    known = names.sees_token(token, reach.first)
    channel = declarations.label(token.app.channel)
    url = reverse("admin:accounts_account_change", args=[reach.first.pk]) if reach.first else ""
    return Line(
        row=row,
        channel=token.app.channel,
        name=names.token(token, reach.first),
        about=f"{channel}: {token.native_user_name}" if known else channel,
        accounts=reach.text,
        url=f"{url}#token-{token.pk}" if url else "",
        why=why(row, until.get(row.token_id)),
        stopped=stopped,
        deadline=summary.deadline_of(token, usable=not stopped, now=now),
        reminders=max(0, row.asks - 1),
        next_at=row.next_at
        if row.asks and (row.stage in OPEN or row.trouble or row.why == MAIL_FAILED)
        else None,
        reached=str(_reached(row)[0].label) if row.stage == Stage.LEFT else "",
        reached_at=_reached(row)[1],
    )


def _reached(row: CampaignLogIn) -> tuple[Stage, datetime | None]:
    """Return how far a log-in came that is not done, and when."""
    if row.at_channel_at:
        return Stage.AT_CHANNEL, row.at_channel_at
    if row.opened_at:
        return Stage.OPENED, row.opened_at
    return (Stage.SENT, row.asked_at) if row.asks and row.why != QUEUED else (Stage.WAITING, None)


def why(row: CampaignLogIn, until: date | None = None) -> str:
    """Return why a log-in waits, failed or cannot be asked for, in words; "" where there is nothing to say. `until`: of its snooze."""
    if not row.why or row.stage == Stage.LEFT:  # what it waited for never comes
        return ""
    if until is not None:
        return say("snoozed_until", day=dates.day(until, year=False))
    if row.why in blocks(WORDS):
        return say(row.why)
    return str(LinkProblem.Kind(row.why).label)


def _reach(tokens: Sequence[int], viewer: User) -> dict[int, _Reach]:
    seen = Account.objects.visible_to(viewer).values("pk")
    entries = AccountToken.objects.filter(token__in=tokens, account__in=seen).order_by()
    numbers = dict(entries.values_list("token").annotate(number=Count("pk")))
    first = entries.order_by("token", "account__name", "pk").distinct("token").select_related("account")
    return {one.token_id: _Reach(one.account, numbers.get(one.token_id, 1)) for one in first}


def last_day(campaign: Campaign) -> datetime:
    """Return a moment of its last day: the campaign ends as that is over."""
    return campaign.ends_at - timedelta(seconds=1)


def file(rows: QuerySet[Any], *, viewer: User) -> str:
    """Return the rows as CSV, in their order: exact times in UTC, and no cell that a spreadsheet would run as a formula.

    Stage and why are codes, as states and reasons of the other files are: whoever reads it, a file is the same.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    found, names, now = list(rows), names_for(viewer), timezone.now()
    for start in range(0, len(found), PART):
        some = _with_tokens(found[start : start + PART])
        reach = _reach([row.token_id for row in some], viewer)
        for row in some:
            shown = _line(row, reach.get(row.token_id, _Reach()), names, now, {})
            writer.writerow([safe(cell) for cell in _cells(shown, reach.get(row.token_id, _Reach()), names)])
    return out.getvalue()


def _cells(line: Line, reach: _Reach, names: NameVisibility) -> Sequence[object]:
    row, token = line.row, line.row.token
    log_in = token.native_user_name if names.sees_token(token, reach.first) else ""
    return (
        line.channel, line.name, log_in, row.stage, row.why, reach.number, reach.first.name if reach.first else "",
        _utc(row.first_asked_at), line.reminders, _utc(row.opened_at), _utc(row.at_channel_at), _utc(row.done_at), token.state,
        _utc(token.deadline),
    )  # fmt: skip


def _utc(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
