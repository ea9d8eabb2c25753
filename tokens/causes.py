"""What the help article says of channels: why they stop people's own accounts (likely causes, never proven ones), and its timelines."""

from collections.abc import Mapping

CAUSES: Mapping[str, tuple[str, ...]] = {
    "facebook": (
        "The account may not list the person's authentic name.",
        "A personal account may represent something other than the person: a celebrity, a pet, an idea or an object.",
        "The account may impersonate somebody or something.",
        "The person may keep more than one account.",
        "The account may be taken for one that was made to spam or harass others.",
    ),
    "snapchat": (
        "Snapchat may have found hate or misinformation.",
        "The account may be taken for a fake one.",
        "Snapchat may have found a use for something illegal.",
    ),
    "x": (
        "The account may be taken for spam or a fake one. X says that this happens to real people by mistake, and lifts it then.",
        "The account may have been broken into; X stops it until it is secured.",
        "The account may have been reported for abuse, such as threats or impersonation.",
    ),
    "linkedin": (
        "LinkedIn may have found a content violation.",
        "LinkedIn may have found a profile violation.",
        "LinkedIn may have found an identity violation.",
        "LinkedIn may have found automated tools.",
    ),
    "pinterest": (
        "Pinterest may have acted for the safety of people there.",
        "The account's security may be at risk, by impersonation or a log-in through others.",
        "The account may be taken for spam.",
        "Pinterest may have found theft of intellectual property.",
    ),
    "tiktok": (),
}

# "Timelines for deactivation of different channels", as the article has them. What each channel's own documents say is in its policy.
TIMELINES: Mapping[str, str] = {
    "facebook": "Every 60 days",
    "snapchat": "No deactivation",
    "x": "No deactivation",
    "linkedin": "365 days (have to use the account once in every 60 days)",
    "pinterest": "Every 30 days (Refresh token has life of 365 days)",
    "tiktok": (
        "Long term access tokens used, don’t need refreshing; "
        "cannot be used after becoming invalid which happens when user cancels authorization"
    ),
}
