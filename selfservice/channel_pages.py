"""The pages "What each channel needs": how long authorisations last there, what ends them, and how people get back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from selfservice.linking import readiness
from tokens.channels import declarations, registry
from tokens.channels import words as channel_words
from tokens.channels.base import Channel
from tokens.channels.kinds import Reason
from tokens.token import reasons
from ui.phrases import phrase
from users.models import User

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


# Who acts tells the groups apart: the person, an admin of the ad account, or nobody there.
GROUPS: Sequence[tuple[str, Sequence[Reason]]] = (
    (
        "log_in",
        (
            Reason.EXPIRED, Reason.DATA_ACCESS_EXPIRED, Reason.REFRESH_EXPIRED, Reason.PASSWORD_CHANGED,
            Reason.AUTHORISATION_CANCELLED, Reason.SECURITY_CHECKPOINT, Reason.SUSPENDED, Reason.POLICY_VIOLATION, Reason.SESSION_INVALID,
            Reason.ANSWER_LOST, Reason.UNKNOWN,
        ),
    ),
    (
        "account",
        (Reason.ACCESS_LOST, Reason.PUBLISHING_LOST, Reason.SCOPE_MISSING, Reason.RESTRICTED),
    ),
    (
        "writing",
        (Reason.TWO_FACTOR_REQUIRED, Reason.VERIFICATION_REQUIRED, Reason.ADVERTISING_REFUSED, Reason.WRITING_REFUSED),
    ),
    ("trouble", (Reason.APP_FAULT, Reason.TRANSIENT)),
)  # fmt: skip


@dataclass(frozen=True)
class ListedChannel:
    """One channel in the overview."""

    lifetime: LifetimeText
    advice: readiness.Advice | None

    @property
    def key(self) -> str:
        """The channel's key."""
        return self.lifetime.key


@dataclass(frozen=True)
class ExplainedReason:
    """One reason on a channel's page."""

    reason: Reason
    explanation: reasons.Explanation


@dataclass(frozen=True)
class ReasonGroup:
    """Reasons that the same people act on."""

    key: str  # log_in, account, writing, trouble
    explained: Sequence[ExplainedReason]


def overview(user: User) -> dict[str, Any]:
    """Return what the overview shows: all channels, those that cannot be linked here last."""
    rows = [
        ListedChannel(lifetime_of(key, str(label)), readiness.advice(key, user))
        for key, label in declarations.choices()
    ]
    return {"rows": sorted(rows, key=lambda row: row.advice is not None)}


def page(channel: str, user: User) -> dict[str, Any]:
    """Return what the page of one channel shows. Raises ValueError for a channel that there is not."""
    if channel not in declarations.channel_keys():
        raise ValueError(f"There is no channel {channel!r}.")
    known = lifetime_of(channel, declarations.label(channel))
    package = registry.get(channel)
    return {
        "known": known,
        "checked": date.fromisoformat(known.checked),
        "advice": readiness.advice(channel, user),
        "last_step": package.last_step,
        "manage_url": package.manage_url,
        "groups": [
            ReasonGroup(
                key,
                [
                    ExplainedReason(one, reasons.explain(channel, one))
                    for one in found
                    if reasons.happens(channel, one)
                ],
            )
            for key, found in GROUPS
        ],
    }
