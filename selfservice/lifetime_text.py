"""How long authorisations last at a channel, in words made from its policy data. Nothing here is typed a second time."""

from dataclasses import dataclass
from datetime import timedelta

from tokens.channels import registry
from tokens.channels import words as channel_words
from tokens.channels.base import Channel
from tokens.channels.kinds import Renewal

_UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))
UNPROVEN = "No vendor source says so, so it never shortens a deadline."


@dataclass(frozen=True)
class Source:
    """Where a rule comes from."""

    what: str
    url: str


@dataclass(frozen=True)
class Lasting:
    """What is known of one channel. Without a package only the help article speaks, and `built` is false."""

    key: str
    label: str
    built: bool
    summary: str
    clocks: tuple[str, ...]
    person_deadline: str
    ends: tuple[str, ...]
    renewed: tuple[str, ...]
    note: str  # a rule that no vendor source proves
    article: str  # the help article's line under "Timelines for deactivation"; "" where it does not speak of the channel
    sources: tuple[Source, ...]
    checked: str  # ISO date; "" where nothing was checked
    causes: tuple[str, ...]


def of(key: str, label: str) -> Lasting:
    """Return what is known of a channel, whether or not its package exists."""
    package = registry.CHANNELS.get(key)
    lifetime = package.lifetime if package else None
    return Lasting(
        key=key,
        label=label,
        built=package is not None,
        summary=channel_words.said(key, "lifetime_summary"),
        clocks=channel_words.listed(key, "lifetime_clocks"),
        person_deadline=channel_words.said(key, "person_deadline"),
        ends=channel_words.listed(key, "lifetime_ends"),
        renewed=renewed(package) if package else (),
        note=channel_words.said(key, "lifetime_note"),
        article=channel_words.said(key, "article_timeline"),
        sources=_sources(package) if package else (),
        checked=lifetime.checked if lifetime else "",
        causes=channel_words.listed(key, "causes"),
    )


def renewed(channel: Channel) -> tuple[str, ...]:
    """Return in sentences what is renewed without a person, and when."""
    rule = channel.renewal
    if rule is None:
        nothing = "AdToken renews nothing here by itself"
        return (f"{nothing}: there is no end date." if channel.lifetime.never_ends else f"{nothing}.",)
    if rule.exchange:
        what = f"AdToken asks {channel.label} for a later date while the log-in still works{_when(channel, rule)}."
        return (what, f"{channel.label} decides whether the date moves. {_again(rule)}")
    what = f"AdToken renews the log-in without a person{_when(channel, rule)}."
    if not rule.spare:
        return (what, _again(rule))
    first = f"Where less than {words(rule.spare)} are left, a publishing job gets a renewed one."
    return (what, first, _again(rule))


def _when(channel: Channel, rule: Renewal) -> str:
    """Return ", once less than 45 days are left and at least every 7 days", as far as the rule says so, or what happens in practice."""
    parts = []
    if rule.lead is not None:
        verb = "is" if words(rule.lead).startswith("1 ") else "are"
        parts.append(f"once less than {words(rule.lead)} {verb} left")
    if often := channel_words.said(channel.key, "renewal_often"):
        parts.append(often)
    elif rule.every is not None:
        parts.append(f"at least every {words(rule.every).removeprefix('1 ')}")
    return f", {' and '.join(parts)}" if parts else ""


def _again(rule: Renewal) -> str:
    return f"Where that did not help, it tries again after {words(rule.again_after)}."


def words(time: timedelta) -> str:
    """Return a time in its largest whole unit: "45 days", "1 hour", "90 minutes"."""
    for size, name in _UNITS:
        if time >= size and not time % size:
            return f"{time // size} {name}{'' if time == size else 's'}"
    return f"{time.total_seconds():g} seconds"


def _sources(channel: Channel) -> tuple[Source, ...]:
    found = [Source("How long it lasts", channel.lifetime.source)]
    if channel.renewal is not None and channel.renewal.source != channel.lifetime.source:
        found.append(Source("How it is renewed", channel.renewal.source))
    return tuple(found)
