"""Why channels stop people's own accounts, from the help article's "Channel wise specific reasons". Likely causes, never proven ones."""

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
