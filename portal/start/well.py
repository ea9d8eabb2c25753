"""*Is AdToken itself well?* on the start page: one line for each part of background work, and for each channel app that is not fine.

What is known of background work the root tells, from where `/healthz` and `/metrics` have it; see `start_page.register_notices`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.urls import reverse
from django.utils.translation import gettext

from portal.start.cards import Said
from tokens.channel_apps import call_state
from tokens.channels import registry, versions
from tokens.models import ChannelApp
from ui.phrases import phrase

say = partial(phrase, "words/start_page.txt")
SOON = timedelta(days=90)  # before its end a version of a channel's API is named


@dataclass(frozen=True)
class WellLine:
    """One line: what, how it is, and how that looks. `link` leads to more, where there is more."""

    name: str
    text: str
    icon: str = "check_circle"
    tone: str = "good"
    link: str = ""
    said: Sequence[Said] = ()  # instead of the text: what is counted, each with its rows


def lines_of_apps(apps: Iterable[ChannelApp], now: datetime) -> list[WellLine]:
    """Return a line for each app that is not fine, and one for all others. The caller leaves out those that are not set up."""
    fine, lines = 0, []
    for app in apps:
        found = _trouble(app, now)
        if found is None:
            fine += 1
            continue
        text, icon, tone = found
        link = reverse("admin:tokens_channelapp_change", args=[app.pk])
        lines.append(WellLine(str(app), text, icon, tone, link))
    if fine:
        words = say("other_apps", n=fine) if lines else say("apps", n=fine)
        link = reverse("admin:tokens_channelapp_changelist")
        lines.append(WellLine(gettext("Channel apps"), words, link=link))
    return lines


def _trouble(app: ChannelApp, now: datetime) -> tuple[str, str, str] | None:
    """Return what is wrong with an app, the worst first, with its icon and tone; None: nothing."""
    if app.fault_since is not None:
        return say("refuses", said=app.fault), "cancel", "bad"
    if problems := call_state.problems(app):
        return " ".join(problems), "warning", "warn"
    version = versions.in_use(registry.get(app.channel))
    if version is not None and version.ends is not None and version.ends <= (now + SOON).date():
        return say("version_ends_on", when=versions.day(version.ends)), "info", "mute"
    return None
