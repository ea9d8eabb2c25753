"""The portal's start page: what needs somebody now and who can fix it, what comes, what happened, and whether AdToken itself is well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from accounts.account_pages.filters import ITSELF, NEVER
from accounts.jobs import my_jobs
from accounts.jobs.models import CHECK
from accounts.jobs.services import KINDS
from accounts.leaving import queries, services
from accounts.linking import queries as setup
from accounts.pool import health, permissions
from infra import database_clock
from portal import access
from portal.start import first_steps, most_urgent
from portal.start.chart import Chart, Column, Part, stacked
from portal.start.queries import (
    Row,
    Viewer,
    WellLine,
    banner_of_start,
    cards_of_start,
    lines_of_apps,
    list_of,
    viewer_of,
)
from tokens.channels import declarations, gate
from tokens.doubts import services as doubts
from tokens.models import ChannelApp, Doubt
from tokens.vault import queries as key_usage
from ui import dates
from ui.phrases import phrase
from ui.text import short_count
from users.models import RefusedAddress, User, person


@dataclass(frozen=True)
class Weeks:
    """The chart and the same as a table: channels above, a line for each week."""

    chart: Chart | None
    channels: Sequence[str]
    lines: Sequence[tuple[Column, str]]  # with the link of all channels
    endless: Row
    renewing: Row


def weeks(viewer: Viewer) -> Weeks:
    """Return the deadlines of 13 weeks."""
    now, zone = viewer.now, viewer.zone
    found = viewer.accounts.count_by_week(now=now, zone=zone)
    keys = [key for key in declarations.channel_keys() if any(channel == key for _, channel in found)]
    columns = [_column(monday, keys, found) for monday in health.weeks(now=now, zone=zone)]
    endless = viewer.count(viewer.accounts.endless())
    renewing = viewer.count(viewer.accounts.renewing(now=now))
    return Weeks(
        stacked(columns),
        [str(declarations.label(key)) for key in keys],
        [(column, list_of(f"week={monday:%Y-%m-%d}")) for monday, column in _mondays(columns, viewer)],
        Row(gettext_lazy("No end date"), "", "", f"ends={NEVER}", endless),
        Row(gettext_lazy("Renews itself"), "", "", f"ends={ITSELF}", renewing),
    )


def _mondays(columns: Sequence[Column], viewer: Viewer) -> list[tuple[date, Column]]:
    return list(zip(health.weeks(now=viewer.now, zone=viewer.zone), columns, strict=True))


def _column(monday: date, keys: Sequence[str], found: Any) -> Column:
    parts = [
        Part(
            key,
            str(declarations.label(key)),
            found.get((monday, key), 0),
            list_of(urlencode({"week": monday.isoformat(), "channel": key})),
        )
        for key in keys
    ]
    return Column(dates.short_day(monday), dates.day(monday), parts)


say = partial(phrase, "words/app_pages.txt")

LEFT_SHOWN = 10  # people
# What is wrong with background work, in a sentence each, and how its parts are: the root knows it and says it here, see `register`.
Background = Callable[[datetime], tuple[list[str], list[WellLine]]]  # both of one reading
BACKGROUND: list[Background] = []
FOOTER: list[Callable[[], str]] = []


def register(*, background: Background, version: Callable[[], str]) -> None:
    """Have the page show these notices and lines to those who may see channel apps, and at its foot which AdToken this is."""
    BACKGROUND[:], FOOTER[:] = [background], [version]


def context(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows; of accounts nothing for those who may not see them."""
    if not request.user.has_perm("accounts.view_account"):
        return {"title": gettext("Start"), "cards": []}
    sees_apps = request.user.has_perm("tokens.view_channelapp")
    apps = list(ChannelApp.objects.set_up()) if sees_apps else []
    now = database_clock.now()
    background = [read(now) for read in BACKGROUND] if sees_apps else []
    return {
        "title": gettext("Start"),
        "faults": _faults(apps),
        "key_problems": key_usage.key_problems() if sees_apps else [],
        "doubted": [app for app in apps if app.pk in doubts.apps_of_many(Doubt.objects.undecided())],
        "late": [*_silent(apps), *(text for notices, _ in background for text in notices)],
        "left": _left(request),
        "jobs": my_jobs.jobs_under_way(request),
        "parked": _parked(request),
        "not_set_up": _not_set_up(request),
        "steps": first_steps.steps(request),
        "well": [
            *(line for _, lines in background for line in lines),
            *(lines_of_apps(apps, now) if sees_apps else []),
        ],
        "reads_all_mails": request.user.has_perm("notifications.view_message")
        and person(request).sees_all_teams,
        "version": "".join(footer() for footer in FOOTER),
        **_accounts(request),
    }


def _accounts(request: HttpRequest) -> dict[str, Any]:
    """Return what the page says of accounts: only that there are none, or everything."""
    viewer = viewer_of(person(request))
    counted = cards_of_start(viewer)
    if counted.nothing and not viewer.accounts.exists():
        return {"cards": counted.cards, "nothing": True}
    may_ask = viewer.user.has_perm(permissions.ASK)
    may_add = viewer.user.has_perm(permissions.ADD_BACKUP)
    return {
        "cards": counted.cards,
        "nothing": False,
        "banner": banner_of_start(viewer, counted, may_ask=may_ask),
        "urgent": most_urgent.most_urgent(viewer, may_ask=may_ask, may_add=may_add),
        "now": viewer.now,
        "weeks": weeks(viewer),
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
    return list(queries.still_serving(User.objects.visible_to(viewer)).order_by("name", "pk")[:LEFT_SHOWN])


def _parked(request: HttpRequest) -> dict[str, Any] | None:
    """Return how many addresses mail does not reach, for those who may see them; None for none."""
    if not request.user.has_perm("users.view_refusedaddress"):
        return None
    number = short_count(access.rows_of_known_addresses(RefusedAddress.objects.all(), person(request)))
    return None if number == "0" else {"number": 1 if number == "1" else 2, "shown": number}


def _silent(apps: list[ChannelApp]) -> list[str]:
    """Return in a sentence each which channel apps get no answer."""
    silent = [app for app in apps if gate.is_silent(app.channel, app.client_id)]
    return [say("gets_no_answer", app=str(app)) for app in silent]


def _not_set_up(request: HttpRequest) -> str:
    """Return the names of channels that cannot be linked here, for those who may set them up."""
    if not request.user.has_perm("tokens.change_channelapp"):
        return ""
    states = setup.channel_states()
    missing = [label for key, label in declarations.choices() if states[key] == setup.NOT_SET_UP]
    return ", ".join(map(str, missing))
