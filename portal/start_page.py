"""The portal's start page: three cards of counts, each row a link to the filtered list."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import health_sql
from accounts.linking import setup
from accounts.models import Account
from macros import reach
from portal import access, first_steps
from tokens import key_usage
from tokens.channels import breaker, declarations, gate
from tokens.deaths import Incident, TokenDeath
from tokens.models import ChannelApp
from ui.counts import short_count
from users import database_clock

LIMIT = 10_000
# Card -> rows: text, icon, tone, filter of the list.
CARDS: list[tuple[str, list[tuple[str, str, str, str]]]] = [
    (
        "Act now",
        [
            ("Deactivated", "cancel", "bad", "state=deactivated"),
            ("Ends within 7 days", "warning", "urgent", "state=urgent"),
            ("Restricted by the channel", "block", "limit", "state=restricted"),
        ],
    ),
    (
        "Plan",
        [
            ("Ends within 30 days", "schedule", "warn", "state=at_risk"),
            ("Only one person left", "person", "warn", "alone=1"),
            ("Nobody would be told", "mail", "bad", "told=nobody"),
        ],
    ),
    (
        "Everything else",
        [
            ("Date unknown", "help", "mute", "undated=1"),
            ("Paused", "pause_circle", "mute", "state=paused"),
            ("Healthy", "check_circle", "good", "state=healthy"),
        ],
    ),
]
# What is wrong with background work, in a sentence each: the root knows it and says it here, see `register`.
Notices = Callable[[datetime], list[str]]
NOTICES: list[Notices] = []
FOOTER: list[Callable[[], str]] = []
_INTERRUPTED = ("Interrupted", "sync", "warn", "state=interrupted")


def register(*, notices: Notices, version: Callable[[], str]) -> None:
    """Have the page show these notices to those who may see channel apps, and at its foot which AdToken this is."""
    NOTICES[:], FOOTER[:] = [notices], [version]


def context(request: HttpRequest) -> dict[str, Any]:
    """Return the cards; nothing for those who may not see accounts."""
    if not request.user.has_perm("accounts.view_account"):
        return {"title": "Start", "plain_title": True, "cards": []}
    cards = [(title, [_row(request, *row) for row in rows]) for title, rows in CARDS]
    interrupted = _row(request, *_INTERRUPTED)
    if interrupted["number"] != "0":
        cards[0][1].append(interrupted)
    numbers = [row["number"] for _, rows in cards for row in rows]
    sees_apps = request.user.has_perm("tokens.view_channelapp")
    apps = list(ChannelApp.objects.exclude(state=ChannelApp.State.NOT_SET_UP)) if sees_apps else []
    return {
        "title": "Start",
        "plain_title": True,
        "faults": _faults(apps),
        "key_problems": key_usage.problems() if sees_apps else [],
        "incidents": _incidents(request),
        "late": _late(apps) if sees_apps else [],
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
        *(f"{app.get_channel_display()} refuses AdToken itself: {app.fault}" for app in refused),
        *(
            f"The stored secret of {app} does not open. Check FERNET_KEYS, or enter it again."
            for app in locked
        ),
    ]


def _incidents(request: HttpRequest) -> list[Incident]:
    """Return the incidents in which something is held, for those who may decide about it."""
    if not request.user.has_perm(access.DECIDE):
        return []
    held = TokenDeath.objects.held().values("app")
    return list(Incident.objects.filter(ended_at=None, app__in=held).select_related("app"))


def _late(apps: list[ChannelApp]) -> list[str]:
    """Return in a sentence each what is wrong with background work and its hosts."""
    now = database_clock.now()
    silent = [app for app in apps if breaker.read(gate.name_of(app.channel, app.client_id)).state != "closed"]
    return [
        *(f"{app} gets no answer. AdToken goes on trying." for app in silent),
        *(text for notices in NOTICES for text in notices(now)),
    ]


def _not_set_up(request: HttpRequest) -> str:
    """Return the names of channels that cannot be linked here, for those who may set them up."""
    if not request.user.has_perm("tokens.change_channelapp"):
        return ""
    missing = [label for key, label in declarations.choices() if setup.state(key) == setup.NOT_SET_UP]
    return ", ".join(map(str, missing))


def _row(request: HttpRequest, text: str, icon: str, tone: str, query: str) -> dict[str, str]:
    now = timezone.now()
    accounts: QuerySet[Account] = Account.objects.visible_to(request.user)
    key, _, value = query.partition("=")
    if key == "alone":
        accounts = health_sql.only_one_person(accounts)
    elif key == "told":
        accounts = reach.without_anybody(accounts)
    elif key == "undated":
        accounts = accounts.filter(deadline_kind=Account.DeadlineKind.UNKNOWN)
    else:
        accounts = health_sql.in_health(accounts, value, now=now, zone=timezone.get_current_timezone())
    link = f"{reverse('admin:accounts_account_changelist')}?{query}"
    return {
        "text": text,
        "icon": icon,
        "tone": tone,
        "number": short_count(accounts, limit=LIMIT),
        "link": link,
    }
