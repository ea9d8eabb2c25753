"""What depends on a person, for their page and the list of users: log-ins at channels, accounts, keys; and their sessions. Only read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from accounts.leaving import plan, services
from accounts.leaving.plan import Then
from accounts.models import Account, AccountToken, ApiKey
from macros.mutes import views as mute_lines
from macros.mutes.services import mute_of_person
from macros.why import admin as why
from portal import access
from tokens.channels import declarations
from tokens.models import Token
from users.models import RefusedAddress, Session, Team, User, person
from users.sessions.services import stored_key

SESSIONS_SHOWN = 50  # those used last


def may_see(viewer: User, user: User) -> bool:
    """Return whether the viewer may see in which browsers a person is logged in: administrators and auditors, and everybody their own."""
    return viewer == user or viewer.has_perm("users.view_session")


def may_end(viewer: User, user: User) -> bool:
    """Return whether the viewer may log a person out: staff and people of foreign teams as for changes."""
    is_reached = not user.is_staff or viewer.is_superuser or user == viewer
    return viewer.has_perm("users.end_sessions") and is_reached and viewer.manages(user)


def person_card(user: User, request: HttpRequest) -> SafeString:
    """Return the table of a person's page, for whoever may see it. Three queries, however many there are."""
    viewer, here = person(request), stored_key(str(request.session.session_key))
    alive = Session.objects.of_user(user.pk, timezone.now())
    latest = list(alive.order_by("-seen_at")[:SESSIONS_SHOWN])
    shown = sorted(latest, key=lambda one: one.pk != here)  # this one first
    context = {
        "lines": shown,
        "here": here,
        "unshown": alive.count() - len(shown) if len(shown) == SESSIONS_SHOWN else 0,
        "own_url": reverse("sessions") if viewer == user else "",
    }
    return render_to_string("portal/people/sessions.html", context)


# Token.State as its own person reads it: which pill.
_STATES = {"valid": "works", "cooling": "checking", "dead": "stopped"}
SHOWN = 20  # log-ins, and accounts that depend on the person alone


@dataclass(frozen=True)
class LogInLine:
    """One log-in at a channel."""

    token: Token
    channel: str
    state: str  # a key of the pills of log-ins
    accounts: int  # that the viewer sees


def carries_section(user: User, viewer: User) -> SafeString:
    """Return the card of a person's page. A fixed number of queries; accounts that the viewer does not see are not counted either."""
    visible = _visible_to(viewer)
    accounts = plan.accounts_of(list(Token.objects.of_person(user).values_list("pk", flat=True)))
    accounts = accounts if visible is None else accounts.filter(pk__in=visible.values("pk"))
    numbers = plan.count_by_then(accounts)
    alone = accounts.filter(plan.STOPS).order_by("name", "pk")[:SHOWN]
    still = 0 if user.is_active else Token.objects.of_person(user).serving().count()
    context = {
        "person": user,
        "lines": _log_ins(user, visible),
        "alone": list(alone) if numbers[Then.STOPS] else [],
        "stop": numbers[Then.STOPS],
        "still": still,
        "offboard_url": reverse("admin:users_user_offboard", args=[user.pk])
        if services.may_offboard(viewer, user)
        else "",
        "sees_accounts": viewer.has_perm(access.VIEW),
        "alone_url": _list_of("accounts_account", person=user.pk, alone=1),
        "log_ins_url": _list_of("tokens_token", person=user.pk)
        if viewer.has_perm("tokens.view_token")
        else "",
        "why_url": why.url(address=user.email) if viewer.has_perms([access.VIEW, why.PERMISSION]) else "",
        "messages_url": _list_of("notifications_message", to=user.email)
        if viewer.has_perm("notifications.view_message")
        else "",
        **_away(user, viewer),
        "parked": RefusedAddress.objects.of(user.email).first()
        if viewer.has_perm("users.view_refusedaddress")
        else None,
        "keys": _keys(user, viewer),
    }
    return render_to_string("portal/people/carries.html", context)


def count_accounts(people: Sequence[Any], viewer: User) -> None:
    """Give each person of a page `numbers`: of accounts that they carry, and of those that nobody else could. One query."""
    found = plan.carried_by_each(person_ids=[one.pk for one in people], among=_visible_to(viewer))
    for one in people:
        one.numbers = found.get(one.pk, (0, 0))


def _away(user: User, viewer: User) -> dict[str, Any]:
    """Return what snoozes all warnings to the person, and where that is ended."""
    away = mute_of_person(user.email)
    may = away is not None and mute_lines.may_end(viewer, [away])
    return {"away": away, "mail_again_url": mute_lines.end_url(away.pk) if away and may else ""}


def _visible_to(viewer: User) -> QuerySet[Account] | None:
    """Return the accounts that the viewer sees; None for all, which the database need not look up one by one."""
    if not viewer.has_perm(access.VIEW):
        return Account.objects.none()
    return None if viewer.sees_all_teams else Account.objects.visible_to(viewer)


def _log_ins(user: User, visible: QuerySet[Account] | None) -> list[LogInLine]:
    tokens = Token.objects.of_person(user).select_related("app").defer("credentials")
    shown = list(tokens.order_by("app__channel", "native_user_name", "pk")[:SHOWN])
    entries = AccountToken.objects.filter(token__in=[one.pk for one in shown]).order_by()
    entries = entries if visible is None else entries.filter(account__in=visible)
    numbers = dict(entries.values("token").annotate(n=Count("pk")).values_list("token", "n"))
    return [
        LogInLine(one, declarations.label(one.app.channel), _STATES[one.state], numbers.get(one.pk, 0))
        for one in shown
    ]


def _keys(user: User, viewer: User) -> list[tuple[str, str]]:
    """Return name and address of the keys that the person made and nobody revoked, as far as the viewer sees them."""
    if not viewer.has_perm("accounts.view_apikey"):
        return []
    keys = ApiKey.objects.in_name_of(user).order_by("name")
    if not viewer.sees_all_teams:
        keys = keys.exclude(teams__in=Team.objects.exclude(memberships__user=viewer))
    return [(one.name, _list_of("accounts_apikey", q=one.prefix)) for one in keys[:SHOWN]]


def _list_of(model: str, **query: str | int) -> str:
    return f"{reverse(f'admin:{model}_changelist')}?{urlencode(query)}"
