"""The time-line of an account: its own events and what happened to its tokens, newest first. Pages and the API show it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy

from accounts.models import Account, AccountEvent
from accounts.pool.health import DECIDED_HERE
from infra import scrub
from tokens.channels import declarations
from tokens.channels.kinds import WRITE_REFUSALS, Reason
from tokens.models import TokenEvent
from ui import dates
from ui import stored_phrases as kept
from ui.name_visibility import NameVisibility
from ui.phrases import blocks, phrase
from ui.text import restriction_said

SHOWN = 20
MOST = 500
MESSAGES = "messages"
FILTERS = {
    "": gettext_lazy("Events"),
    MESSAGES: gettext_lazy("Messages"),
}

Kind = AccountEvent.Kind
_TOKEN_KINDS = (
    TokenEvent.Kind.DIED,
    TokenEvent.Kind.COOLED,
    TokenEvent.Kind.RECOVERED,
    TokenEvent.Kind.RENEWED,
    TokenEvent.Kind.ANSWER_LOST,
    TokenEvent.Kind.REVOKED,
    TokenEvent.Kind.REMOVED,
    TokenEvent.Kind.LINKED,
)
# They say who did it and why, which the shift that follows from them does not.
_OWN_LINE = {TokenEvent.Kind.REMOVED, TokenEvent.Kind.REVOKED}
# Their title says the note already.
_NAMED_BY_NOTE = {Kind.MACRO_APPLIED, Kind.MACRO_REMOVED, Kind.CREDENTIAL}
# Icon and tone of the dot.
_DOTS: dict[str, tuple[str, str]] = {
    Kind.LINKED: ("link", "good"), Kind.UNLINKED: ("close", "mute"), Kind.SHIFTED: ("swap_horiz", "warn"),
    Kind.CONNECTED: ("check_circle", "good"), Kind.INTERRUPTED: ("sync", "warn"), Kind.DEACTIVATED: ("cancel", "bad"),
    Kind.PAUSED: ("pause_circle", "mute"), Kind.RESUMED: ("bolt", "good"), Kind.SWITCHED: ("swap_horiz", ""),
    Kind.RANKED: ("list", ""), Kind.ACCESS: ("lock", "mute"), Kind.RESTRICTED: ("block", "limit"),
    Kind.UNRESTRICTED: ("check_circle", "good"), Kind.ASKED: ("mail", ""), Kind.IMPORTED: ("download", ""),
    Kind.NOT_MINE: ("person", "warn"),
    Kind.MOVED: ("group", ""), Kind.BACKUP_ASKED: ("mail", ""), Kind.BACKUP_DECLINED: ("close", "mute"),
    Kind.MACRO_APPLIED: ("flag", ""), Kind.MACRO_REMOVED: ("flag", "mute"),
    Kind.CREDENTIAL: ("key", ""),
    Kind.ACKNOWLEDGED: ("check", "good"), Kind.SNOOZED: ("schedule", "mute"), Kind.UNSNOOZED: ("schedule", ""),
    TokenEvent.Kind.DIED: ("cancel", "bad"), TokenEvent.Kind.COOLED: ("sync", "warn"),
    TokenEvent.Kind.RECOVERED: ("check_circle", "good"), TokenEvent.Kind.RENEWED: ("refresh", "good"),
    TokenEvent.Kind.ANSWER_LOST: ("sync", "warn"),
    TokenEvent.Kind.REVOKED: ("close", "mute"), TokenEvent.Kind.REMOVED: ("block", "bad"), TokenEvent.Kind.LINKED: ("link", "good"),
}  # fmt: skip
# How the day of a snooze is kept (macros/mutes), after whose it is and before why; and a place in the order (accounts/pool/actions.py).
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_PLACE = re.compile(r"now number (\d+)")
WORDS = "words/timeline.txt"
say = partial(phrase, WORDS)


@dataclass(frozen=True)
class HistoryLine:
    """One entry."""

    at: datetime
    key: tuple[datetime, int, int]
    title: str
    text: str
    icon: str
    tone: str
    kind: str = ""  # of the event
    evidence: str = ""
    url: str = ""


@dataclass(frozen=True)
class Timeline:
    """The entries shown, and whether there are older ones."""

    lines: Sequence[HistoryLine]
    older: bool


Key = tuple[
    datetime, int, int
]  # of a line: when, whether it is of the account (1) or a token (0), and its row


def timeline_of(
    account: Account,
    names: NameVisibility,
    *,
    shown: int = SHOWN,
    before: Key | None = None,
) -> Timeline:
    """Return the newest `shown` entries, those before a key where one is given. Two queries, whatever the history."""
    # Resuming says it already; that the account is connected again is the same moment told twice.
    events = AccountEvent.objects.filter(account=account).exclude(kind=Kind.CONNECTED, cause="resumed")
    tokens = _token_events(account)
    told = Exists(events.filter(token_event=OuterRef("pk")).order_by())
    tokens = tokens.filter(~told | Q(kind__in=_OWN_LINE))
    if before is not None:
        events, tokens = events.filter(_before(before, 1)), tokens.filter(_before(before, 0))
    lines = [history_line(account, event, names) for event in with_people(events)[: shown + 1]]
    lines += [_token_line(account, event, names) for event in tokens[: shown + 1]]
    lines.sort(key=lambda line: line.key, reverse=True)
    return Timeline(lines[:shown], len(lines) > shown)


def _before(key: Key, rank: int) -> Q:
    """Return the filter of the rows of a rank that stand before a key."""
    at, other, pk = key
    if rank != other:
        return Q(at__lte=at) if rank < other else Q(at__lt=at)
    return Q(at__lt=at) | Q(at=at, pk__lt=pk)


def with_people(events: QuerySet[AccountEvent]) -> QuerySet[AccountEvent]:
    """Return the events, newest first, with what `history_line` reads of each."""
    people = ("token__consented_by", "from_token__consented_by")
    return events.select_related(
        "actor", "token", "from_token", "token_event", "from_team", "to_team", *people
    ).order_by("-at", "-id")


def _token_events(account: Account) -> QuerySet[TokenEvent]:
    pool = account.pool.values("token")
    events = TokenEvent.objects.filter(token__in=pool, kind__in=_TOKEN_KINDS)
    # The first consent is shown as "linked this account"; every later one is a re-authentication.
    events = events.exclude(kind=TokenEvent.Kind.LINKED, at=F("token__created_at"))
    return events.select_related("actor", "token__consented_by").order_by("-at", "-id")


def history_line(account: Account, event: AccountEvent, names: NameVisibility) -> HistoryLine:
    """Return the entry of an event, in the words of this viewer."""
    icon, tone = _DOTS.get(event.kind, ("info", "mute"))
    hidden = event.from_token is not None and not names.sees_token(event.from_token, account)
    evidence = event.token_event.detail.get("evidence") if event.token_event and not hidden else None
    parts = [
        _cause(account, event),
        _found(event.source, account.channel),
        _by(_actor(event, names), "" if event.kind in _NAMED_BY_NOTE else _note(event)),
    ]
    return HistoryLine(
        at=event.at,
        key=(event.at, 1, event.pk),
        title=_title(account, event, names),
        text=" ".join(part for part in parts if part),
        icon=icon,
        tone=tone,
        kind=event.kind,
        evidence=pretty(evidence) if evidence else "",
    )


def _actor(event: AccountEvent, names: NameVisibility) -> str:
    """Return who did it, where the title does not say so already."""
    own = (
        event.kind == Kind.LINKED
        and event.token is not None
        and event.token.consented_by_id == event.actor_id
    )
    return "" if own else names.user(event.actor)


def _found(source: str, channel: str) -> str:
    """Say how it was noticed, where that is worth a sentence."""
    block = f"found_{source}"
    return say(block, channel=declarations.label(channel)) if block in blocks(WORDS) else ""


def _title(account: Account, event: AccountEvent, names: NameVisibility) -> str:
    block = f"account_{event.kind}"
    if block not in blocks(WORDS):
        return event.get_kind_display()
    facts: dict[str, object] = {
        "who": names.token(event.token, account) if event.token_id else "",
        "old": names.token(event.from_token, account) if event.from_token_id else "",
        "channel": account.get_channel_display(),
        "note": kept.said(event.note),
        "place": int(ranked[1]) if (ranked := _PLACE.fullmatch(event.note)) else 0,
        "cause": event.cause,
    }
    if event.kind == Kind.ACCESS:
        facts["access"] = _access(event.cause)
    if event.kind == Kind.MOVED:
        facts |= {"from_team": names.team(event.from_team), "to_team": names.team(event.to_team)}
    return say(block, **facts)


def _access(cause: str) -> str:
    """Return what became of somebody's access, as words/timeline.txt names it."""
    if cause == "regained":
        return cause
    if cause in WRITE_REFUSALS:
        return "cannot_publish"
    known: dict[str, str] = {Reason.PUBLISHING_LOST: "reports_only", Reason.SCOPE_MISSING: "lacks_permission"}
    return known.get(cause, "lost")


def _cause(account: Account, event: AccountEvent) -> str:
    """Return the cause in words where the title does not say it."""
    if event.kind in {Kind.RESTRICTED, Kind.RANKED, Kind.NOT_MINE} or event.cause not in {
        *Reason,
        *DECIDED_HERE,
    }:
        if event.kind == Kind.RESTRICTED:
            return restriction_said(event.note)
        told = {Kind.NOT_MINE}
        if event.actor_id is None:  # by the link of a mail; else it is said beside who did it
            told |= {Kind.ACKNOWLEDGED, Kind.SNOOZED}
        return _note(event) if event.kind in told else ""
    return f"{account.explain(event.cause).short}."


def _note(event: AccountEvent) -> str:
    """Return what was noted beside it, in the language that is spoken; "" where the title says it."""
    if event.kind == Kind.RANKED:
        return ""
    if event.kind == Kind.SNOOZED:
        return _DAY.sub(_until, event.note, count=1)
    return kept.said(event.note)


def _until(found: re.Match[str]) -> str:
    try:
        return say("until", day=dates.day(date.fromisoformat(found[0])))
    except ValueError:  # somebody typed it
        return found[0]


def _by(who: str, note: str) -> str:
    return say("by", who=who, note=note) if who else ""


def _token_line(account: Account, event: TokenEvent, names: NameVisibility) -> HistoryLine:
    icon, tone = _DOTS.get(event.kind, ("info", "mute"))
    seen = names.sees_token(event.token, account)
    reason = str(event.detail.get("reason", ""))
    parts = [
        f"{account.explain(reason).short}." if reason else "",
        _found(event.source, account.channel),
        ""
        if event.kind == TokenEvent.Kind.LINKED
        else _by(names.user(event.actor), str(event.detail.get("note", ""))),
    ]
    evidence = event.detail.get("evidence") if seen else None
    return HistoryLine(
        at=event.at,
        key=(event.at, 0, event.pk),
        title=_token_title(account, event, names),
        text=" ".join(part for part in parts if part),
        icon=icon,
        tone=tone,
        kind=event.kind,
        evidence=pretty(evidence) if evidence else "",
    )


def _token_title(account: Account, event: TokenEvent, names: NameVisibility) -> str:
    block = f"log_in_{event.kind}"
    begins = event.kind == TokenEvent.Kind.LINKED  # the sentence with whoever it is
    who = names.token(event.token, account) if begins else names.within(event.token, account)
    if block not in blocks(WORDS):
        return event.get_kind_display()
    if event.kind == TokenEvent.Kind.REVOKED and not event.detail.get("taken", True):
        block = "log_in_left"
    return say(block, who=who, channel=account.get_channel_display())


def pretty(evidence: Any) -> str:
    """Return a stored answer of a channel for the fold, scrubbed once more on its way to the page."""
    return json.dumps(scrub.data(evidence), indent=2, ensure_ascii=False, default=str)
