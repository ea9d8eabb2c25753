"""The portal's start page: three cards of counts, each row a link to the filtered list."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrPromise

from accounts import backups, health_sql, leaving
from accounts.linking import setup
from accounts.models import Account
from macros import reach
from portal import access, first_steps, offboarding, parked_scope
from tokens import key_usage
from tokens.channels import declarations, gate
from tokens.deaths import Incident, TokenDeath
from tokens.models import ChannelApp
from ui.counts import short_count, shown
from ui.phrases import phrase
from users import database_clock, visibility
from users.models import User, person

say = partial(phrase, "words/app_pages.txt")

LIMIT = 10_000
LEFT_SHOWN = 10  # people
_ALONE = "alone=1"
# Card -> rows: text, icon, tone, filter of the list.
CARDS: list[tuple[StrPromise, list[tuple[StrPromise, str, str, str]]]] = [
    (
        gettext_lazy("Act now"),
        [
            (gettext_lazy("Deactivated"), "cancel", "bad", "state=deactivated"),
            (gettext_lazy("Ends within 7 days"), "warning", "urgent", "state=urgent"),
            (gettext_lazy("Restricted by the channel"), "block", "limit", "state=restricted"),
        ],
    ),
    (
        gettext_lazy("Plan"),
        [
            (gettext_lazy("Ends within 30 days"), "schedule", "warn", "state=at_risk"),
            (gettext_lazy("Only one person left"), "person", "warn", _ALONE),
            (gettext_lazy("Nobody would be told"), "mail", "bad", "told=nobody"),
        ],
    ),
    (
        gettext_lazy("Everything else"),
        [
            (gettext_lazy("Date unknown"), "help", "mute", "undated=1"),
            (gettext_lazy("Paused"), "pause_circle", "mute", "state=paused"),
            (gettext_lazy("Healthy"), "check_circle", "good", "state=healthy"),
        ],
    ),
]
# What is wrong with background work, in a sentence each: the root knows it and says it here, see `register`.
Notices = Callable[[datetime], list[str]]
NOTICES: list[Notices] = []
FOOTER: list[Callable[[], str]] = []
_INTERRUPTED = (gettext_lazy("Interrupted"), "sync", "warn", "state=interrupted")


def register(*, notices: Notices, version: Callable[[], str]) -> None:
    """Have the page show these notices to those who may see channel apps, and at its foot which AdToken this is."""
    NOTICES[:], FOOTER[:] = [notices], [version]


def context(request: HttpRequest) -> dict[str, Any]:
    """Return the cards; nothing for those who may not see accounts."""
    if not request.user.has_perm("accounts.view_account"):
        return {"title": gettext("Start"), "cards": []}
    cards = [(title, [one for row in rows for one in _rows(request, *row)]) for title, rows in CARDS]
    interrupted = _row(request, *_INTERRUPTED)
    if interrupted["number"] != "0":
        cards[0][1].append(interrupted)
    numbers = [row["number"] for _, rows in cards for row in rows]
    sees_apps = request.user.has_perm("tokens.view_channelapp")
    apps = list(ChannelApp.objects.exclude(state=ChannelApp.State.NOT_SET_UP)) if sees_apps else []
    return {
        "title": gettext("Start"),
        "faults": _faults(apps),
        "key_problems": key_usage.problems() if sees_apps else [],
        "incidents": _incidents(request),
        "late": _late(apps) if sees_apps else [],
        "left": _left(request),
        "parked": _parked(request),
        "not_set_up": _not_set_up(request),
        "steps": first_steps.steps(request),
        "cards": cards,
        "nothing": not any(number != "0" for number in numbers),
        "version": "".join(footer() for footer in FOOTER),
    }


def _faults(apps: list[ChannelApp]) -> list[str]:
    """Return in a sentence each which channels refuse our app."""
    refused = [app for app in apps if app.fault_since is not None]
    locked = [app for app in apps if not setup.opens(app)]
    return [
        *(say("refuses_us", channel=app.get_channel_display(), fault=app.fault) for app in refused),
        *(say("does_not_open", app=str(app)) for app in locked),
    ]


def _incidents(request: HttpRequest) -> list[Incident]:
    """Return the incidents in which something is held, for those who may decide about it."""
    if not request.user.has_perm(access.DECIDE):
        return []
    held = TokenDeath.objects.held().values("app")
    return list(Incident.objects.filter(ended_at=None, app__in=held).select_related("app"))


def _left(request: HttpRequest) -> list[User]:
    """Return who is switched off while their log-ins still serve accounts, for those who may offboard them; a few are enough."""
    viewer = person(request)
    if not viewer.has_perm(offboarding.PERMISSION):
        return []
    return list(leaving.still_serving(visibility.people_of(viewer)).order_by("name", "pk")[:LEFT_SHOWN])


def _parked(request: HttpRequest) -> dict[str, Any] | None:
    """Return how many addresses mail does not reach, for those who may see them; None for none."""
    if not request.user.has_perm("users.view_refusedaddress"):
        return None
    number = short_count(parked_scope.visible_to(person(request)), limit=LIMIT)
    return None if number == "0" else {"number": 1 if number == "1" else 2, "shown": number}


def _late(apps: list[ChannelApp]) -> list[str]:
    """Return in a sentence each what is wrong with background work and its hosts."""
    now = database_clock.now()
    silent = [app for app in apps if gate.readings(app.channel, app.client_id)[-1].state != "closed"]
    return [
        *(say("gets_no_answer", app=str(app)) for app in silent),
        *(text for notices in NOTICES for text in notices(now)),
    ]


def _not_set_up(request: HttpRequest) -> str:
    """Return the names of channels that cannot be linked here, for those who may set them up."""
    if not request.user.has_perm("tokens.change_channelapp"):
        return ""
    missing = [label for key, label in declarations.choices() if setup.state(key) == setup.NOT_SET_UP]
    return ", ".join(map(str, missing))


def _rows(request: HttpRequest, text: StrPromise, icon: str, tone: str, query: str) -> list[dict[str, str]]:
    """Return one row, and below the accounts that one person carries how many of them a colleague could back up at once."""
    if query != _ALONE:
        return [_row(request, text, icon, tone, query)]
    alone = backups.count_alone(Account.objects.visible_to(request.user), limit=LIMIT)
    rows = [_linked(text, icon, tone, query, shown(alone.number, limit=LIMIT))]
    if alone.at_hand:
        number = f"{alone.at_hand:,}" if alone.all_looked_at else f"{alone.at_hand:,}+"
        rows.append(
            _linked(gettext_lazy("A backup is at hand for"), "group", "good", f"{query}&backup=1", number)
        )
    return rows


def _linked(text: StrPromise, icon: str, tone: str, query: str, number: str) -> dict[str, str]:
    """Return a row that leads to the filtered list."""
    link = f"{reverse('admin:accounts_account_changelist')}?{query}"
    return {"text": str(text), "icon": icon, "tone": tone, "number": number, "link": link}


def _row(request: HttpRequest, text: StrPromise, icon: str, tone: str, query: str) -> dict[str, str]:
    now = timezone.now()
    accounts: QuerySet[Account] = Account.objects.visible_to(request.user)
    key, _, value = query.partition("=")
    if key == "told":
        accounts = reach.without_anybody(accounts)
    elif key == "undated":
        accounts = accounts.filter(deadline_kind=Account.DeadlineKind.UNKNOWN)
    else:
        accounts = health_sql.in_health(accounts, value, now=now, zone=timezone.get_current_timezone())
    return _linked(text, icon, tone, query, short_count(accounts, limit=LIMIT))
