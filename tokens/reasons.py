"""Reasons in plain words: what happened, who must act, and how. Marketers read these, so a token is a "log-in" here."""

from collections.abc import Mapping
from dataclasses import dataclass

from tokens.causes import CAUSES
from tokens.channels import registry
from tokens.channels.base import Channel
from tokens.channels.kinds import AN_ADMIN_HELPS, NOT_BY_CONSENT, Reason


@dataclass(frozen=True)
class Explanation:
    """One reason, worded for one reader."""

    short: str  # for pills and tables
    what: str  # one or two sentences
    who: str  # who must act
    steps: tuple[str, ...]  # in order; empty where nobody need act
    causes: tuple[str, ...]  # likely ones, each worded as "may"
    first_deed: str  # the first button; empty: none
    by_consent: bool = False  # whether the person ends it by re-authenticating
    waits_for: str = ""  # who else has to act, for "waiting for ..."; empty: the person


@dataclass(frozen=True)
class Words:
    """The words of one reason. {c} channel, {p} person, {P} the same at the start of a sentence, {a} ad account, {n} days."""

    short: str
    others: str  # what happened, told to everybody but the person
    you: str  # the same, told to the person
    who: str = "{p}"
    deed: str = "Re-authenticate"
    ahead: str = ""  # what will happen, while the date is still to come; empty: as for others


_ADMIN = "an admin of {a} at {c}; nobody needs to re-authenticate"

# Section 11 of the guide to the screens.
WORDS: Mapping[Reason, Words] = {
    Reason.EXPIRED: Words(
        "{n} days are over",
        "{c} ends every authorisation after {n} days.",
        "{c} ends every authorisation after {n} days.",
    ),
    Reason.DATA_ACCESS_EXPIRED: Words(
        "Data access is over",
        "{c} ends access to data a set time after {p} last authorised AdToken there.",
        "{c} ends access to data a set time after you last authorised AdToken there.",
    ),
    Reason.REFRESH_EXPIRED: Words(
        "Renewal is over",
        "{c} lets us renew for a limited time only; it is over.",
        "{c} lets us renew for a limited time only; it is over.",
        ahead="{c} lets us renew for a limited time only, and that time ends on this date.",
    ),
    Reason.PASSWORD_CHANGED: Words(
        "Password changed",
        "{P} changed the {c} password. {c} may end authorisations when that happens.",
        "You changed your {c} password. {c} may end authorisations when that happens.",
    ),
    Reason.AUTHORISATION_CANCELLED: Words(
        "Authorisation cancelled",
        "{P} removed AdToken at {c}.",
        "You removed AdToken at {c}.",
    ),
    Reason.SECURITY_CHECKPOINT: Words(
        "Security check",
        "{c} wants {p} to confirm that it is them.",
        "{c} wants you to confirm that it is you.",
        who="{p}, at {c} first",
        deed="Open {c}, then re-authenticate",
    ),
    Reason.SUSPENDED: Words(
        "Person suspended",
        "{c} has suspended the account of {p}.",
        "{c} has suspended your own account.",
        who="{p} can appeal; meanwhile anybody else with access to {a}",
        deed="Invite another person",
    ),
    Reason.POLICY_VIOLATION: Words(
        "Rules violated",
        "{c} says that {p} broke its rules.",
        "{c} says that you broke its rules.",
        who="{p} can appeal; meanwhile anybody else with access to {a}",
        deed="Invite another person",
    ),
    Reason.SESSION_INVALID: Words(
        "Session ended",
        "{c} ended the session of {p} and does not say why.",
        "{c} ended your session and does not say why.",
    ),
    Reason.ANSWER_LOST: Words(
        "Answer lost here",
        "AdToken was renewing the log-in of {p} when the answer of {c} was lost on AdToken’s side, and {c} no longer accepts the old one."
        " {P} did nothing wrong.",
        "AdToken was renewing your log-in when the answer of {c} was lost on AdToken’s side, and {c} no longer accepts the old one."
        " You did nothing wrong.",
    ),
    Reason.UNKNOWN: Words(
        "Reason unknown",
        "{c} refused the log-in of {p} without a reason we know.",
        "{c} refused your log-in without a reason we know.",
    ),
    Reason.SCOPE_MISSING: Words(
        "Permission missing",
        "A permission that is needed was not granted at {c}.",
        "A permission that is needed was not granted at {c}.",
        deed="Ask {c} again",
    ),
    Reason.ACCESS_LOST: Words(
        "Role removed",
        "{P} no longer has a role in {a}. The log-in itself is fine.",
        "You no longer have a role in {a}. Your log-in itself is fine.",
        who=_ADMIN,
        deed="See steps, then check now",
    ),
    Reason.PUBLISHING_LOST: Words(
        "May only report",
        "{P} may see {a} but no longer publish there.",
        "You may see {a} but no longer publish there.",
        who=_ADMIN,
        deed="See steps, then check now",
    ),
    Reason.TWO_FACTOR_REQUIRED: Words(
        "Two-factor required",
        "{c} takes no ads from {p} in {a} until two-factor authentication is on. The log-in itself is fine.",
        "{c} takes no ads from you in {a} until you turn on two-factor authentication. Your log-in itself is fine.",
        who="{p}, at {c}",
        deed="See steps, then try again",
    ),
    Reason.VERIFICATION_REQUIRED: Words(
        "Verification required",
        "{c} takes no ads from {p} in {a} until a verification there is finished. The log-in itself is fine.",
        "{c} takes no ads from you in {a} until you finish a verification there. Your log-in itself is fine.",
        who="{p}, at {c}; an admin of {a} where {c} wants to verify the business",
        deed="See steps, then try again",
    ),
    Reason.ADVERTISING_REFUSED: Words(
        "May not advertise",
        "{c} does not let {p} create or change ads in {a} now. The log-in itself is fine.",
        "{c} does not let you create or change ads in {a} now. Your log-in itself is fine.",
        who="{p}, at {c}; meanwhile anybody else with access to {a}",
        deed="See steps, then try again",
    ),
    Reason.WRITING_REFUSED: Words(
        "Changes refused",
        "{c} refuses what is published for {p} in {a}, in words that we do not know. Reading works, and the log-in itself is fine.",
        "{c} refuses what is published for you in {a}, in words that we do not know. Reading works, and your log-in itself is fine.",
        who="{p}, at {c}; meanwhile anybody else with access to {a}",
        deed="See steps, then try again",
    ),
    Reason.RESTRICTED: Words(
        "Restricted",
        "{c} has restricted {a}. The log-ins are fine.",
        "{c} has restricted {a}. The log-ins are fine.",
        who="an admin of {a} at {c}",
        deed="Open {c}",
    ),
    Reason.APP_FAULT: Words(
        "AdToken refused",
        "{c} refuses AdToken itself. No log-in was touched.",
        "{c} refuses AdToken itself. No log-in was touched.",
        who="operators",
        deed="Open Channel apps",
    ),
    Reason.TRANSIENT: Words(
        "Trying again",
        "{c} does not answer properly. We try again by ourselves.",
        "{c} does not answer properly. We try again by ourselves.",
        who="nobody",
        deed="",
    ),
}

# What no channel says but we do.
OURS: Mapping[str, Words] = {
    "paused": Words(
        "Paused", "Staff paused it on purpose.", "Staff paused it on purpose.", "staff", "Resume"
    ),
    "unlinked": Words(
        "Log-in unlinked",
        "The last log-in that worked for {a} was unlinked here.",
        "The last log-in that worked for {a} was unlinked here.",
        "anybody with access to {a} at {c}",
    ),
    "removed": Words(
        "Removed on purpose",
        "The log-in of {p} was removed in AdToken on purpose.",
        "Your log-in was removed in AdToken on purpose.",
        "anybody with access to {a} at {c}",
        "Link again",
    ),
    "held": Words(
        "Being asked again",
        "{c} said of many log-ins at once that they have ended. AdToken does not believe it yet and asks again by itself.",
        "{c} said of many log-ins at once that they have ended. AdToken does not believe it yet and asks again by itself.",
        "nobody",
        "",
    ),
    "outside_team": Words(
        "Not in the team",
        "The team of {a} takes log-ins of its own people only, and {p} is not one of them. The log-in itself is fine.",
        "The team of {a} takes log-ins of its own people only, and you are not one of them. Your log-in itself is fine.",
        "an administrator, who adds {p} to the team",
        "",
    ),
    "reading_refused": Words(
        "Others go first",
        "{c} refuses AdToken where the ad accounts of {p} are read, and answers others. So others go first until it answers again.",
        "{c} refuses AdToken where your ad accounts are read, and answers others. So others go first until it answers again.",
        "nobody: AdToken asks again by itself",
        "",
    ),
}
_NOT_BY_CONSENT_HERE = frozenset({"paused", "outside_team", "held"})

# Where the guide's words would say more of a channel than its answers prove.
_NO_DAYS = Words(
    "Authorisation ended", "{c} ended the authorisation of {p}.", "{c} ended your authorisation."
)
# The answers of these channels do not tell a person who was stopped from one who removed AdToken.
_CANNOT_TELL = frozenset({"snapchat", "linkedin", "pinterest", "tiktok"})
# Where people tick ad accounts one by one, one that is missing may only have been left out.
_TICKED_ONE_BY_ONE = ("facebook", "tiktok")
BY_CHANNEL: Mapping[tuple[str, Reason], Words] = {
    ("x", Reason.AUTHORISATION_CANCELLED): Words(
        "Authorisation cancelled",
        "X no longer accepts the authorisation. {P} may have removed AdToken there.",
        "X no longer accepts the authorisation. You may have removed AdToken there.",
    ),
    **{
        (channel, Reason.AUTHORISATION_CANCELLED): Words(
            "Authorisation cancelled",
            "{c} no longer accepts the authorisation. {P} may have removed AdToken there, or {c} may have stopped their account.",
            "{c} no longer accepts the authorisation. You may have removed AdToken there, or {c} may have stopped your account.",
        )
        for channel in _CANNOT_TELL
    },
    ("pinterest", Reason.EXPIRED): Words(
        "{n} days are over",
        "Pinterest gives access for {n} days, and it could not be renewed.",
        "Pinterest gives access for {n} days, and it could not be renewed.",
        ahead="Pinterest gives access for {n} days, and it cannot be renewed any more.",
    ),
    ("pinterest", Reason.REFRESH_EXPIRED): Words(
        "Renewal is over",
        "Pinterest ends an authorisation that was not renewed in time.",
        "Pinterest ends an authorisation that was not renewed in time.",
        ahead="Pinterest lets us renew until this date only.",
    ),
    ("pinterest", Reason.AUTHORISATION_CANCELLED): Words(
        "Authorisation ended",
        "Pinterest no longer accepts the authorisation of {p} and does not say why. The password may be new, or AdToken was removed there.",
        "Pinterest no longer accepts your authorisation and does not say why. Your password may be new, or AdToken was removed there.",
    ),
    ("tiktok", Reason.SUSPENDED): Words(
        "Log-in not valid",
        "TikTok no longer takes the account of {p} for a valid one. It may be suspended or closed.",
        "TikTok no longer takes your account for a valid one. It may be suspended or closed.",
        who="{p}, at {c} first; meanwhile anybody else with access to {a}",
        deed="Invite another person",
    ),
    ("facebook", Reason.PASSWORD_CHANGED): Words(
        "Password changed or session ended",
        "{P} changed the {c} password, or {c} ended the session for security reasons. It does not say which.",
        "You changed your {c} password, or {c} ended your session for security reasons. It does not say which.",
    ),
    **{
        (channel, Reason.ACCESS_LOST): Words(
            "Role removed",
            "{P} no longer reaches {a}: the role there was taken away, or it was left unticked at the last authorisation."
            " The log-in itself is fine.",
            "You no longer reach {a}: your role there was taken away, or it was left unticked when you last authorised AdToken."
            " Your log-in itself is fine.",
            who=_ADMIN,
            deed="See steps, then check now",
        )
        for channel in _TICKED_ONE_BY_ONE
    },
    ("facebook", Reason.DATA_ACCESS_EXPIRED): Words(
        "90 days of data access are over",
        "Facebook ends access to data 90 days after {p} last authorised AdToken there.",
        "Facebook ends access to data 90 days after you last authorised AdToken there.",
    ),
    ("facebook", Reason.SECURITY_CHECKPOINT): Words(
        "Security check",
        "Facebook wants {p} to confirm that it is them, or has limited their own account.",
        "Facebook wants you to confirm that it is you, or has limited your own account.",
        who="{p}, at {c} first",
        deed="Open {c}, then re-authenticate",
    ),
}

# What ends nothing there, as far as anything is known: no date of that kind, or no source that names it. Pages do not speak of it.
_NOT_THERE: Mapping[str, frozenset[Reason]] = {
    "facebook": frozenset({Reason.REFRESH_EXPIRED, Reason.ANSWER_LOST}),
    "snapchat": frozenset({Reason.EXPIRED, Reason.REFRESH_EXPIRED, Reason.PASSWORD_CHANGED}),
    "x": frozenset({Reason.EXPIRED, Reason.REFRESH_EXPIRED, Reason.PASSWORD_CHANGED, Reason.ANSWER_LOST}),
    "tiktok": frozenset({Reason.PASSWORD_CHANGED, Reason.ANSWER_LOST}),
}
_WITH_DATA_ACCESS = frozenset({"facebook"})  # the others know no such date

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
_MAY_BE_RULES = frozenset({Reason.AUTHORISATION_CANCELLED})


def _causes(channel_key: str, reason: Reason) -> tuple[str, ...]:
    """Return the likely causes, where the channel's rules may be behind the reason."""
    may_be = reason in _MAY_BE_RULES and channel_key in _CANNOT_TELL
    return CAUSES.get(channel_key, ()) if reason in _BY_RULES or may_be else ()


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

    `reason` is a Reason, "paused" or "unlinked"; "" gives empty words, and one that we do not know is "unknown". `person` is the native
    user's name, `account` the ad account's. `you` words it for the person, `ahead` while its date is still to come. A channel without a
    package has no steps.
    """
    if not reason:
        return Explanation("", "", "", (), (), "")
    channel = registry.CHANNELS.get(channel_key)
    known = _reason(reason)
    words = OURS.get(reason) or _words(channel, channel_key, known)
    names = _names(channel, channel_key, person, account, you=you)
    return Explanation(
        short=words.short.format(**names),
        what=((ahead and words.ahead) or (words.you if you else words.others)).format(**names),
        who=words.who.format(**names),
        steps=_steps(channel, known, you=you) if channel and reason not in OURS else (),
        causes=_causes(channel_key, known) if reason not in OURS else (),
        first_deed=words.deed.format(**names),
        by_consent=by_consent(reason),
        waits_for=_waits_for(reason, names["c"]),
    )


def by_consent(reason: str) -> bool:
    """Tell whether the person ends it by re-authenticating; also where there is no reason."""
    return reason not in _NOT_BY_CONSENT_HERE and _reason(reason) not in NOT_BY_CONSENT


def _waits_for(reason: str, channel: str) -> str:
    if reason == "outside_team":
        return "an administrator of AdToken"
    return f"an admin at {channel}" if reason not in OURS and _reason(reason) in AN_ADMIN_HELPS else ""


_OWN_WORDS = (
    ("Press Check now", "AdToken looks again by itself"),
    ("press Check now", "AdToken looks again by itself"),
    (" Staff can use Check now instead.", ""),
)


def _steps(channel: Channel, reason: Reason, *, you: bool) -> tuple[str, ...]:
    """Return the way back. "Check now" is a button of staff; for the person AdToken looks by itself."""
    steps = channel.steps(reason)
    return without_buttons(steps) if you else steps


def without_buttons(steps: tuple[str, ...]) -> tuple[str, ...]:
    """Return steps for readers who have no buttons of staff."""
    for staffs, own in _OWN_WORDS:
        steps = tuple(step.replace(staffs, own) for step in steps)
    return steps


def happens(channel_key: str, reason: Reason) -> bool:
    """Return whether this can be met at the channel at all."""
    if reason == Reason.DATA_ACCESS_EXPIRED:
        return channel_key in _WITH_DATA_ACCESS
    return reason not in _NOT_THERE.get(channel_key, ())


def _reason(reason: str) -> Reason:
    try:
        return Reason(reason)
    except ValueError:
        return Reason.UNKNOWN


def _words(channel: Channel | None, channel_key: str, reason: Reason) -> Words:
    if reason == Reason.EXPIRED and (channel is None or channel.lifetime.access is None):
        return _NO_DAYS
    return BY_CHANNEL.get((channel_key, reason), WORDS[reason])


def _names(
    channel: Channel | None, channel_key: str, person: str, account: str, *, you: bool
) -> dict[str, str]:
    label = channel.label if channel else channel_key
    access = channel.lifetime.access if channel else None
    name = "you" if you else person or "the person who linked it"
    return {
        "c": label,
        "p": name,
        "P": name[0].upper() + name[1:],
        "a": account or "the ad account",
        "n": str(access.days) if access else "",
    }
