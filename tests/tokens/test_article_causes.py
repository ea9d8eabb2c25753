"""The help article's "Channel wise specific reasons", bullet by bullet, and its timelines: AdToken carries every one of them."""

import re

import pytest

from tokens.channels import registry, words
from tokens.channels.kinds import Reason
from tokens.token import reasons

# The article's bullets as they are written there -> words by which the cause that carries each is known; all must be in one cause.
BULLETS: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "facebook": {
        "Your account must list your authentic name.": (("authentic name",),),
        "Personal accounts must represent individual people only. It goes against our policies to use a personal profile to "
        "represent anything other than yourself (e.g. celebrities, pets, ideas, objects etc.).": (
            ("personal account", "represent", "celebrity", "pet", "idea", "object"),
        ),
        "Impersonating anyone or anything is not allowed.": (("impersonate somebody or something",),),
        "Maintaining multiple accounts goes against our policies.": (("more than one account",),),
        "Accounts created for the purpose of spamming or harassing others are strictly prohibited.": (
            ("made to", "spam", "harass"),
        ),
    },
    "snapchat": {
        "Snapchat deletes accounts only if they violate their rules and community guidelines includ spreading hate and "
        "misinformation, using fake accounts, or misusing Snapchat for illegal purposes.": (
            ("hate", "misinformation"),
            ("fake",),
            ("illegal",),
        ),
    },
    "x": {
        "Spam: Most of the accounts we suspend are suspended because they are spammy, or just plain fake, and they introduce "
        "security risks for X and for everyone using X. Sometimes a real person’s account gets suspended by mistake, and in "
        "those cases we’ll work with the person to make sure the account is unsuspended.": (
            ("spam", "fake", "real people by mistake", "lifts"),
        ),
        "Account security at risk: If we suspect an account has been hacked or compromised, we may suspend it until it can be "
        "secured and restored to the account owner in order to reduce potentially malicious activity caused by the "
        "compromise.": (("broken into", "until it is secured"),),
        "Abusive Tweets or behavior: We may suspend an account if it has been reported to us as violating X Rules surrounding "
        "abuse. When an account engages in abusive behavior, like sending threats to others or impersonating other accounts, we "
        "may suspend it temporarily or, in some cases, permanently.": (
            ("reported", "abuse", "threats", "impersonation"),
        ),
    },
    "linkedin": {
        "Content violations": (("content violation",),),
        "Profile violations": (("profile violation",),),
        "Identity violations": (("identity violation",),),
        "Automated tools violations": (("automated tools",),),
    },
    "pinterest": {
        "Pinner Safety": (("safety of people",),),
        "Account security (including impersonation and third-party logins)": (
            ("security", "impersonation", "through others"),
        ),
        "Spam": (("spam",),),
        "Intellectual property theft": (("theft of intellectual property",),),
    },
}
# "Timelines for deactivation of different channels".
TIMELINES = {
    "facebook": "Every 60 days",
    "snapchat": "No deactivation",
    "x": "No deactivation",
    "linkedin": "365 days (have to use the account once in every 60 days)",
    "pinterest": "Every 30 days (Refresh token has life of 365 days)",
    "tiktok": "Long term access tokens used, don’t need refreshing; cannot be used after becoming invalid which happens when user "
    "cancels authorization",
}
CANNOT_TELL = [key for key in ("snapchat", "linkedin", "pinterest", "tiktok") if key in registry.CHANNELS]


def carried(channel: str, said: tuple[str, ...]) -> list[str]:
    return [cause for cause in words.listed(channel, "causes") if all(word in cause.lower() for word in said)]


@pytest.mark.parametrize(
    ("channel", "bullet"), [(channel, bullet) for channel, bullets in BULLETS.items() for bullet in bullets]
)
def test_every_bullet_of_the_article_is_carried_by_a_cause(channel: str, bullet: str) -> None:
    parts = BULLETS[channel][bullet]

    assert [part for part in parts if not carried(channel, part)] == []


@pytest.mark.parametrize("channel", BULLETS)
def test_no_cause_stands_there_that_no_bullet_names(channel: str) -> None:
    parts = [part for found in BULLETS[channel].values() for part in found]

    named = {cause for part in parts for cause in carried(channel, part)}

    assert named == set(words.listed(channel, "causes"))


@pytest.mark.parametrize("cause", [cause for channel in BULLETS for cause in words.listed(channel, "causes")])
def test_a_cause_is_a_guess_and_says_so(cause: str) -> None:
    assert re.search(r"\bmay\b", cause)


def test_the_timelines_are_those_of_the_article() -> None:
    said = {channel: words.said(channel, "article_timeline") for channel in registry.CHANNELS}

    assert said == TIMELINES


def test_at_tiktok_the_person_who_cancels_ends_it() -> None:
    ends = " ".join(words.listed("tiktok", "lifetime_ends")).lower()

    assert "cancels the authorisation" in ends


@pytest.mark.parametrize("channel", CANNOT_TELL)
@pytest.mark.parametrize(
    "reason", [Reason.AUTHORISATION_CANCELLED, Reason.SESSION_INVALID, Reason.UNKNOWN, Reason.SUSPENDED]
)
def test_where_the_channel_cannot_tell_a_suspension_the_causes_stand_with_the_general_reason(
    channel: str, reason: Reason
) -> None:
    explanation = reasons.explain(channel, reason)

    assert explanation.causes == words.listed(channel, "causes")


@pytest.mark.parametrize("channel", ["facebook", "x"])
def test_where_the_channel_tells_a_suspension_a_cancelled_authorisation_has_no_causes(channel: str) -> None:
    assert reasons.explain(channel, Reason.AUTHORISATION_CANCELLED).causes == ()
    assert reasons.explain(channel, Reason.SUSPENDED).causes == words.listed(channel, "causes")
