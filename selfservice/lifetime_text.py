"""How long authorisations last at a channel, in words made from its policy data. Nothing here is typed a second time."""

from dataclasses import dataclass
from functools import partial

from tokens.channels import registry
from tokens.channels import words as channel_words
from tokens.channels.base import Channel
from ui.phrases import phrase

say = partial(phrase, "words/lifetime.txt")


@dataclass(frozen=True)
class LifetimeText:
    """What is known of one channel."""

    key: str
    label: str
    summary: str
    clocks: tuple[str, ...]
    person_deadline: str
    ends: tuple[str, ...]
    renewed: str
    note: str  # a rule that no vendor source proves
    article: str  # the help article's line under "Timelines for deactivation"; "" where it does not speak of the channel
    sources: tuple[str, ...]  # addresses of what the channel says itself
    checked: str  # ISO date
    causes: tuple[str, ...]


def lifetime_of(key: str, label: str) -> LifetimeText:
    """Return what is known of a channel."""
    package = registry.get(key)
    return LifetimeText(
        key=key,
        label=label,
        summary=channel_words.said(key, "lifetime_summary"),
        clocks=channel_words.listed(key, "lifetime_clocks"),
        person_deadline=channel_words.said(key, "person_deadline"),
        ends=channel_words.listed(key, "lifetime_ends"),
        renewed=renewed(package),
        note=channel_words.said(key, "lifetime_note"),
        article=channel_words.said(key, "article_timeline"),
        sources=_sources(package),
        checked=package.lifetime.checked,
        causes=channel_words.listed(key, "causes"),
    )


def renewed(channel: Channel) -> str:
    """Return what is renewed there without a person."""
    rule = channel.renewal
    if rule is None:
        return say("no_end" if channel.lifetime.access is None else "nothing")
    return say("asked_for", channel=channel.label) if rule.exchange else say("renewed")


def _sources(channel: Channel) -> tuple[str, ...]:
    of_renewal = [channel.renewal.source] if channel.renewal is not None else []
    return tuple(dict.fromkeys([channel.lifetime.source, *of_renewal]))
