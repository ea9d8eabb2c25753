"""The dates of a token as lines: name, date, where it comes from. An unknown date is "Not available", never a guess."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from tokens.channels import declarations, registry, words
from tokens.models import Token
from ui.dates import CLOCK_NAMES, source_words
from ui.phrases import phrase
from ui.text import join_names, quoted

say = partial(phrase, "words/pool.txt")

SOON = timedelta(hours=48)  # nearer than this, the hour of a date counts


@dataclass(frozen=True)
class DateLine:
    """One date of a token. Without `at`, `text` stands for it."""

    label: str
    at: datetime | None
    text: str
    source: str
    soon: bool = False  # so near that its day alone says too little


def lines(token: Token, channel: str, now: datetime) -> list[DateLine]:
    """Return the dates of a token in the guide's order."""
    found: list[DateLine] = []
    if token.state == Token.State.DEAD:
        found.append(
            DateLine(
                say("ended"),
                token.state_since,
                "",
                _source("introspection", channel),
            )
        )
    for clock, label in CLOCK_NAMES.items():
        at: datetime | None = getattr(token, f"{clock}_expires_at")
        source = str(token.dates_source.get(clock, "unknown"))
        if at is not None:
            if token.state != Token.State.DEAD:
                said = _renewed(token, clock, _source(source, channel))
                found.append(DateLine(str(label), at, "", said, soon=abs(at - now) < SOON))
        elif source == "never":
            found.append(DateLine(str(label), None, say("no_end_date"), _source(source, channel)))
        elif clock == "access" and token.state != Token.State.DEAD:
            found.append(DateLine(str(label), None, say("not_available"), _source("unknown", channel)))
    return found


def _renewed(token: Token, clock: str, source: str) -> str:
    """Return where a date comes from; say of an access date in front of a refresh token that it is no end, or that it has become one."""
    policy = token.renewal_policy
    if clock != "access" or policy is None or policy.exchange or not token.has_refresh_token:
        return source
    return say("no_longer_renewed" if token.refresh_refused_at else "renewed_by_us", source=source)


def note(channel: str) -> str:
    """Return a rule of the channel that no source proves, as a note; "" for none."""
    return words.said(channel, "lifetime_note")


def permissions(token: Token, channel: str) -> str:
    """Return "2 of 3 · “Manage ads” missing"; what the channel did not say is not guessed."""
    wanted = registry.get(channel).scopes
    if token.scopes is None or not wanted:
        return say("not_available")
    missing = [str(scope.label) for scope in wanted if scope.name not in token.scopes]
    named = join_names([quoted(str(label)) for label in missing])
    had = len(wanted) - len(missing)
    dead = token.state == Token.State.DEAD
    return say("permissions", n=had, n_all=len(wanted), missing=named, dead=dead)


def _source(source: str, channel: str) -> str:
    return source_words(source, channel_label=declarations.label(channel))
