"""Reasons in plain words: what happened, who must act, and how. The words are in words.txt of the channels; here is which of them fit."""

from collections.abc import Mapping
from functools import cached_property

from tokens.channels import registry, words
from tokens.channels.kinds import AN_ADMIN_HELPS, AN_APPEAL_HELPS, NOT_BY_CONSENT, Reason

# What no channel says but we do.
OURS = frozenset({"paused", "unlinked", "removed", "held", "outside_team", "reading_refused"})
NO_CONSENT_ENDS = NOT_BY_CONSENT | {"paused", "outside_team", "held"}  # see `by_consent`
_KNOWN: Mapping[str, Reason] = {reason.value: reason for reason in Reason}
_NOBODY: Mapping[str, str] = {}
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


class Explanation:
    """One reason, worded for one reader at the moment when a phrase is asked for: lists show few of them, of many accounts."""

    def __init__(
        self, channel_key: str, reason: str, *, person: str, account: str, you: bool, ahead: bool
    ) -> None:
        """See `explain`."""
        channel = registry.get(channel_key) if channel_key else None
        self._key, self.reason, self._channel = channel_key, reason, channel
        self._person, self._account, self._you, self._ahead = person, account, you, ahead
        self._label = channel.label if channel else ""
        self._known = _KNOWN.get(reason, Reason.UNKNOWN)
        self._days, self._phrase = "", reason if reason in OURS else self._known.value
        if self._known == Reason.EXPIRED:
            access = channel.lifetime.access if channel else None
            self._days, self._phrase = (str(access.days), self._phrase) if access else ("", _WITHOUT_DAYS)
        # None where a channel has nothing to say of it: there is no reason, or it is one of our own.
        self._from = channel if reason and reason not in OURS else None

    @property
    def short(self) -> str:
        """For pills and tables."""
        return self._said("short", names=_NOBODY)

    @property
    def what(self) -> str:
        """What happened, in one or two sentences."""
        kinds = ("ahead",) if self._ahead else ()
        return self._said(*kinds, "you" if self._you else "what", names=self._names)

    @property
    def who(self) -> str:
        """Who must act."""
        return self._said("who", names=self._names)

    @property
    def steps(self) -> tuple[str, ...]:
        """The way back, in order; empty where nobody need act. "Check now" is a button of staff; for the person AdToken looks by itself."""
        return self._steps(buttons=not self._you)

    @property
    def own_steps(self) -> tuple[str, ...]:
        """The same for readers who have no buttons of staff."""
        return self._steps(buttons=False)

    def steps_by_stage(self, button: str) -> Mapping[str, tuple[str, ...]]:
        """The same for the person, on a page whose `button` leads to the channel; see `tokens.channels.words.steps_by_stage`."""
        if self._from is None:
            return {}
        return words.steps_by_stage(self._key, self._known, channel=self._label, button=button)

    @property
    def causes(self) -> tuple[str, ...]:
        """Likely causes, where the channel's rules may be behind it, each worded as "may"."""
        if self._from is None:
            return ()
        may_be = self._known == Reason.AUTHORISATION_CANCELLED and not self._from.tells_removed_from_stopped
        return words.listed(self._key, "causes") if may_be or self._known in _BY_RULES else ()

    @property
    def first_action(self) -> str:
        """The first button; empty: none."""
        return self._said("action", names=_NOBODY)

    @property
    def by_consent(self) -> bool:
        """Whether the person ends it by re-authenticating."""
        return bool(self.reason) and by_consent(self.reason)

    @property
    def waits_for(self) -> str:
        """Who else has to act, for "waiting for ..."; empty: the person."""
        if self.reason == "outside_team":
            return words.said(self._key, "waits_for_administrator")
        if self.reason in AN_ADMIN_HELPS:
            return words.said(self._key, "waits_for_admin", channel=self._label)
        return ""

    @property
    def only_appeal(self) -> bool:
        """Whether the person can only appeal at the channel, and somebody else links the account meanwhile."""
        return self.reason in AN_APPEAL_HELPS

    @property
    def helper(self) -> str:
        """Who can help where no new consent of the person does: whom it `waits_for`, else anybody else with access; empty: the person."""
        if self.only_appeal or self.reason == "removed":
            return words.said(self._key, "waits_for_others", channel=self._label)
        return self.waits_for

    def _said(self, *kinds: str, names: Mapping[str, str]) -> str:
        """Return the first of these phrases of the reason, else the one for all reasons."""
        if not self.reason:
            return ""
        of_it = [f"{self._phrase}_{kind}" for kind in kinds]
        facts = {"channel": self._label, "days": self._days}
        return words.said(self._key, *of_it, *kinds, **names, **facts)

    def _steps(self, *, buttons: bool) -> tuple[str, ...]:
        if self._from is None:
            return ()
        return words.steps(self._key, self._known, channel=self._label, buttons=buttons)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        name = words.said(self._key, "yourself") if self._you else self._person
        name = name or words.said(self._key, "somebody")
        account = self._account or words.said(self._key, "an_account")
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
    name, `account` the ad account's. `you` words it for the person, `ahead` while its date is still to come. Without
    a channel there are only its short words.
    """
    return Explanation(channel_key, reason, person=person, account=account, you=you, ahead=ahead)


def by_consent(reason: str) -> bool:
    """Return whether the person ends it by re-authenticating; also where there is no reason."""
    return reason not in NO_CONSENT_ENDS


def happens(channel_key: str, reason: Reason) -> bool:
    """Return whether this can be met at the channel at all."""
    return reason not in registry.get(channel_key).never_happens
