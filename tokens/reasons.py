"""Reasons in plain words: what happened, who must act, and how. The words are in words.txt of the channels; here is which of them fit."""

from dataclasses import dataclass
from functools import cached_property

from tokens.channels import registry, words
from tokens.channels.base import Channel
from tokens.channels.kinds import AN_ADMIN_HELPS, NOT_BY_CONSENT, Reason

# What no channel says but we do.
OURS = frozenset({"paused", "unlinked", "removed", "held", "outside_team", "reading_refused"})
_NOT_BY_CONSENT_HERE = frozenset({"paused", "outside_team", "held"})
_WITHOUT_DAYS = "ended"  # said of an authorisation that expired, where nothing tells after how many days
# For these the channel's own rules are the likely cause: it says so, or does not say why.
_BY_RULES = frozenset(
    {
        Reason.SECURITY_CHECKPOINT,
        Reason.SUSPENDED,
        Reason.POLICY_VIOLATION,
        Reason.SESSION_INVALID,
        Reason.UNKNOWN,
    }
)


@dataclass(frozen=True)
class Explanation:
    """One reason, worded for one reader at the moment when a phrase is asked for: lists show few of them, of many accounts."""

    channel_key: str
    reason: str
    person: str = ""
    account: str = ""
    you: bool = False
    ahead: bool = False

    @cached_property
    def short(self) -> str:
        """For pills and tables."""
        return self._said("short")

    @cached_property
    def what(self) -> str:
        """What happened, in one or two sentences."""
        told = "you" if self.you else "what"
        return self._said(*(["ahead"] if self.ahead else []), told, **self._names)

    @cached_property
    def who(self) -> str:
        """Who must act."""
        return self._said("who", **self._names)

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The way back, in order; empty where nobody need act. "Check now" is a button of staff; for the person AdToken looks by itself."""
        return self._steps(buttons=not self.you)

    @cached_property
    def own_steps(self) -> tuple[str, ...]:
        """The same for readers who have no buttons of staff."""
        return self._steps(buttons=False)

    def steps_by_stage(self, button: str) -> dict[str, tuple[str, ...]]:
        """The same for the person, on a page whose `button` leads to the channel; see `tokens.channels.words.steps_by_stage`."""
        if not self._is_channels or self._channel is None:
            return {}
        return words.steps_by_stage(self.channel_key, self._known, channel=self._label, button=button)

    @cached_property
    def causes(self) -> tuple[str, ...]:
        """Likely causes, where the channel's rules may be behind it, each worded as "may"."""
        if not self._is_channels or self._channel is None:
            return ()
        may_be = (
            self._known == Reason.AUTHORISATION_CANCELLED and not self._channel.tells_removed_from_stopped
        )
        return words.listed(self.channel_key, "causes") if self._known in _BY_RULES or may_be else ()

    @cached_property
    def first_action(self) -> str:
        """The first button; empty: none."""
        return self._said("action")

    @property
    def by_consent(self) -> bool:
        """Whether the person ends it by re-authenticating."""
        return bool(self.reason) and by_consent(self.reason)

    @cached_property
    def waits_for(self) -> str:
        """Who else has to act, for "waiting for ..."; empty: the person."""
        if self.reason == "outside_team":
            return words.said(self.channel_key, "waits_for_administrator")
        if self._is_channels and self._known in AN_ADMIN_HELPS:
            return words.said(self.channel_key, "waits_for_admin", channel=self._label)
        return ""

    def _said(self, *kinds: str, **more: str) -> str:
        """Return the first of these phrases of the reason, else the one for all reasons."""
        if not self.reason:
            return ""
        days = self._days if self._known == Reason.EXPIRED else ""
        names = [f"{self._phrase}_{kind}" for kind in kinds]
        return words.said(self.channel_key, *names, *kinds, channel=self._label, days=days, **more)

    def _steps(self, *, buttons: bool) -> tuple[str, ...]:
        if not self._is_channels or self._channel is None:
            return ()
        return self._channel.steps(self._known, buttons=buttons)

    @property
    def _is_channels(self) -> bool:
        return bool(self.reason) and self.reason not in OURS

    @cached_property
    def _known(self) -> Reason:
        return _reason(self.reason)

    @cached_property
    def _phrase(self) -> str:
        if self.reason in OURS:
            return self.reason
        return _WITHOUT_DAYS if self._known == Reason.EXPIRED and not self._days else self._known

    @cached_property
    def _channel(self) -> Channel | None:
        return registry.CHANNELS.get(self.channel_key)

    @cached_property
    def _label(self) -> str:
        return self._channel.label if self._channel else self.channel_key

    @cached_property
    def _days(self) -> str:
        access = self._channel.lifetime.access if self._channel else None
        return str(access.days) if access else ""

    @cached_property
    def _names(self) -> dict[str, str]:
        name = self.person or words.said(self.channel_key, "somebody")
        if self.you:
            name = words.said(self.channel_key, "yourself")
        account = self.account or words.said(self.channel_key, "an_account")
        return {"person": name, "Person": name[0].upper() + name[1:], "account": account}


def explain(
    channel_key: str,
    reason: str,
    *,
    person: str = "",
    account: str = "",
    you: bool = False,
    ahead: bool = False,
) -> Explanation:
    """Word a reason for people.

    `reason` is a Reason or one of `OURS`; "" gives empty words, and one that we do not know is "unknown". `person` is the native user's
    name, `account` the ad account's. `you` words it for the person, `ahead` while its date is still to come. A channel without a package
    has no steps.
    """
    return Explanation(channel_key, reason, person, account, you, ahead)


def by_consent(reason: str) -> bool:
    """Return whether the person ends it by re-authenticating; also where there is no reason."""
    return reason not in _NOT_BY_CONSENT_HERE and _reason(reason) not in NOT_BY_CONSENT


def happens(channel_key: str, reason: Reason) -> bool:
    """Return whether this can be met at the channel at all."""
    channel = registry.CHANNELS.get(channel_key)
    if reason == Reason.UNUSED:
        return channel is not None and channel.lifetime.idle is not None
    return reason not in (channel or Channel).never_happens


def _reason(reason: str) -> Reason:
    try:
        return Reason(reason)
    except ValueError:
        return Reason.UNKNOWN
