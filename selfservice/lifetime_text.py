"""How long authorisations last at a channel, in words made from its policy data. Nothing here is typed a second time."""

from dataclasses import dataclass

from tokens.channels import registry
from tokens.channels import words as channel_words
from tokens.channels.base import Channel
from ui.dates import duration, whole_units
from ui.phrases import lines


@dataclass(frozen=True)
class Source:
    """Where a rule comes from."""

    of_renewal: bool  # of how it is renewed, else of how long it lasts
    url: str


@dataclass(frozen=True)
class LifetimeText:
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


def lifetime_of(key: str, label: str) -> LifetimeText:
    """Return what is known of a channel, whether or not its package exists."""
    package = registry.CHANNELS.get(key)
    lifetime = package.lifetime if package else None
    return LifetimeText(
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
        return lines("words/lifetime.txt", "renewed", renews=False, never_ends=channel.lifetime.never_ends)
    every_n, every_unit = whole_units(rule.every) if rule.every else (0, "")
    return lines(
        "words/lifetime.txt",
        "renewed",
        renews=True,
        exchange=rule.exchange,
        channel=channel.label,
        lead=duration(rule.lead) if rule.lead is not None else "",
        lead_n=whole_units(rule.lead)[0] if rule.lead is not None else 0,
        often=channel_words.said(channel.key, "renewal_often"),
        every_n=every_n,
        every_unit=every_unit,
        spare=duration(rule.spare) if rule.spare else "",
        again=duration(rule.again_after),
    )


def _sources(channel: Channel) -> tuple[Source, ...]:
    found = [Source(of_renewal=False, url=channel.lifetime.source)]
    if channel.renewal is not None and channel.renewal.source != channel.lifetime.source:
        found.append(Source(of_renewal=True, url=channel.renewal.source))
    return tuple(found)
