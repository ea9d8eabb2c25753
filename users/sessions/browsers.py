"""How people call the browser that a User-Agent header names. Nothing is decided by it: a browser may claim to be another one."""

from django.utils.translation import gettext

# The first that is found counts: Edge and Opera also say Chrome, Chrome also says Safari, an iPhone also says Mac OS X.
_PROGRAMS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_DEVICES = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
LENGTH = 90


def named(agent: str) -> str:
    """Return "Chrome on Windows" for a User-Agent header; of others the start as it is, "" for none."""
    program = next((name for sign, name in _PROGRAMS.items() if sign in agent), "")
    device = next((name for sign, name in _DEVICES.items() if sign in agent), "")
    if not program:
        return agent if len(agent) <= LENGTH else f"{agent[: LENGTH - 1]}…"
    if not device:
        return program
    return gettext("%(program)s on %(device)s") % {"program": program, "device": device}
