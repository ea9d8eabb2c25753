"""The portal's start page: what is dark, who can fix it, what ends soon, how many there are of each kind, what is wrong with AdToken."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from accounts.jobs.models import CHECK, Job
from accounts.jobs.services import KINDS
from accounts.leaving import plan as leaving
from accounts.leaving import services
from accounts.pool import permissions
from infra import database_clock
from portal.start import first_steps, queries
from portal.start.queries import WellLine
from tokens.channels import gate
from tokens.doubts import services as doubts
from tokens.models import ChannelApp, Doubt
from tokens.vault import queries as key_usage
from ui.phrases import phrase
from users.models import User, person

say = partial(phrase, "words/app_pages.txt")

LEFT_SHOWN = 10  # people
# What is wrong with background work, in a sentence each, and with mails: the root knows it and says it here, see `register`.
Background = Callable[[datetime], tuple[list[str], list[WellLine]]]
BACKGROUND: list[Background] = []
FOOTER: list[Callable[[], str]] = []


def register(*, background: Background, version: Callable[[], str]) -> None:
    """Have the page show these notices and lines to those who may see channel apps, and at its foot which AdToken this is."""
    BACKGROUND[:], FOOTER[:] = [background], [version]


def context(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows; of accounts nothing for those who may not see them."""
    if not request.user.has_perm("accounts.view_account"):
        return {"title": gettext("Start")}
    sees_apps = request.user.has_perm("tokens.view_channelapp")
    apps = list(ChannelApp.objects.exclude(state=ChannelApp.State.NOT_SET_UP)) if sees_apps else []
    now = database_clock.now()
    background = [read(now) for read in BACKGROUND] if sees_apps else []
    return {
        "title": gettext("Start"),
        "may_see": True,
        "faults": _faults(apps),
        "key_problems": key_usage.key_problems() if sees_apps else [],
        "doubted": [app for app in apps if app.pk in doubts.apps_of_many(Doubt.objects.undecided())],
        "late": [*_silent(apps), *(text for notices, _ in background for text in notices)],
        "left": _left(request),
        "jobs": Job.objects.in_name_of(person(request)).count(),
        "steps": first_steps.steps(request),
        "unwell": [*(line for _, lines in background for line in lines), *queries.lines_of_apps(apps, now)],
        "reads_all_mails": request.user.has_perm("notifications.view_message")
        and person(request).sees_all_teams,
        "version": "".join(footer() for footer in FOOTER),
        **_accounts(request),
    }


def _accounts(request: HttpRequest) -> dict[str, Any]:
    """Return what the page says of accounts: only that there are none, or everything."""
    viewer = queries.viewer_of(person(request), may_ask=request.user.has_perm(permissions.ASK))
    if not viewer.accounts.exists():
        return {"nothing": True}
    sections = queries.sections(viewer)
    return {
        "sections": sections,
        "next": None if sections else queries.next_to_end(viewer),
        "figures": queries.figures(viewer),
        "now": viewer.now,
        "check_all_url": _check_all_url(viewer.user),
    }


def _check_all_url(user: User) -> str:
    """Return the page that asks before all accounts that the person sees are checked; "" for whoever may not check any."""
    if not user.has_perm(KINDS[CHECK].permission):
        return ""
    return f"{reverse('admin:accounts_account_bulk_check')}?across=1"


def _faults(apps: list[ChannelApp]) -> list[str]:
    """Return in a sentence each which channels refuse our app."""
    refused = [app for app in apps if app.fault_since is not None]
    locked = [app for app in apps if not app.secret_opens]
    return [
        *(say("refuses_us", channel=app.get_channel_display(), fault=app.fault) for app in refused),
        *(say("does_not_open", app=str(app)) for app in locked),
    ]


def _left(request: HttpRequest) -> list[User]:
    """Return who is switched off while their log-ins still serve accounts, for those who may offboard them; a few are enough."""
    viewer = person(request)
    if not viewer.has_perm(services.PERMISSION):
        return []
    return list(leaving.still_serving(User.objects.visible_to(viewer)).order_by("name", "pk")[:LEFT_SHOWN])


def _silent(apps: list[ChannelApp]) -> list[str]:
    """Return in a sentence each which channel apps get no answer."""
    silent = [app for app in apps if gate.is_silent(app.channel, app.client_id)]
    return [say("gets_no_answer", app=str(app)) for app in silent]
