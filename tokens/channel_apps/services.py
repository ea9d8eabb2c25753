"""What happens to a channel app: it is saved, or takes the new links; and how the calls to it stand.

New links use exactly one app of a channel. Choosing another is one step, and the first one goes to retiring: it accepts no new links. Its
tokens are served, checked, renewed and counted as before, until the people have re-authenticated.
"""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, QuerySet

from tokens.channels import brake
from tokens.models import ChannelApp
from ui.errors import Refusal
from ui.phrases import phrase
from ui.text import number

_WRITTEN = ("label", "redirect_base", "is_default", "state", "scopes", "config_id", "daily_budget", "version")


class NotReady(Refusal):
    """The app cannot take new links. The text says what is missing."""


@transaction.atomic
def make_default(*, app: ChannelApp) -> Sequence[ChannelApp]:
    """Let new links use this app. Returns those that stepped back for it, now retiring.

    Raises NotReady for an app without a secret or one that is not set up. A retiring app becomes live again.
    """
    app = _lock(app.channel).get(pk=app.pk)
    why = app.cannot_lead
    if why:
        raise NotReady(why)
    stepped_back = step_back(channel=app.channel, for_app=app.pk)
    app.is_default, app.state, app.version = True, ChannelApp.State.LIVE, app.version + 1
    app.save(update_fields=["is_default", "state", "version"])
    return stepped_back


@transaction.atomic
def save_app(*, app: ChannelApp, scopes: Sequence[str], new_secret: str = "") -> Sequence[ChannelApp]:
    """Save an app as a form filled it in. Returns the apps that stepped back for it. `new_secret` takes the old one's place at once.

    The version grows, so that caches in other processes let go of the old app.
    """
    stepped_back = step_back(channel=app.channel, for_app=app.pk) if app.is_default else []
    app.scopes = list(scopes)
    written = {*_WRITTEN}
    if new_secret:
        app.set_secrets([new_secret])
        # A fault may have been the old secret; the next call says whether it still stands.
        app.fault, app.fault_since, app.fault_kind = "", None, ""
        written |= {"secrets", "fault", "fault_since", "fault_kind"}
    if app._state.adding:  # noqa: SLF001  # documented API
        app.save()
        return stepped_back
    app.version = F("version") + 1
    app.save(update_fields=sorted(written))
    app.refresh_from_db(fields=["version"])
    return stepped_back


@transaction.atomic
def step_back(*, channel: str, for_app: int | None) -> Sequence[ChannelApp]:
    """Take new links away from the channel's other apps; live ones go to retiring. `for_app` is the row that leads from now on."""
    others = [app for app in _lock(channel).filter(is_default=True) if app.pk != for_app]
    for other in others:
        state = ChannelApp.State.RETIRING if other.state == ChannelApp.State.LIVE else other.state
        ChannelApp.objects.filter(pk=other.pk).update(is_default=False, state=state, version=F("version") + 1)
    return others


def _lock(channel: str) -> QuerySet[ChannelApp]:
    """Lock all apps of the channel, and return them as they are then.

    All, and read afterwards: whoever waits for one row only would not see that another one has become the default meanwhile.
    """
    apps = ChannelApp.objects.filter(channel=channel).order_by("pk")
    list(apps.select_for_update(no_key=True).values_list("pk", flat=True))
    return apps


FILE = "words/channel_apps.txt"


def call_problems(app: ChannelApp) -> list[str]:
    """Return a sentence for each thing that holds calls of this app up now; none: nothing does."""
    reading, budget = brake.read(app.call_name), app.daily_budget
    said = []
    if reading.state != "closed":
        said.append(phrase(FILE, "no_answer", seconds=reading.seconds))
    if reading.pause:
        said.append(phrase(FILE, "asked_to_wait", minutes=-(-reading.pause // 60)))
    if budget and reading.calls_today >= brake.SLOW_FROM * budget:
        name = "budget_spent" if reading.calls_today >= budget else "budget_nearly_spent"
        said.append(phrase(FILE, name, made=number(reading.calls_today), budget=number(budget)))
    if reading.used >= brake.SLOW_FROM:
        name = "limit_used_up" if reading.used >= 1 else "limit_nearly_used_up"
        said.append(phrase(FILE, name, used=f"{reading.used:.0%}"))
    return said
