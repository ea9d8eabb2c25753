"""The staff portal's sidebar in the article's words. What one may not use is not drawn."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Account
from ui.counts import short_count

# Title, icon of the theme, models (the first is linked; the item is active on all of them).
_GROUPS: list[tuple[str, list[tuple[str, str, list[str]]]]] = [
    (
        "Advertising",
        [
            ("Social Accounts", "format_list_bulleted", ["accounts.Account"]),
            ("Authenticate Tokens", "key", ["tokens.Token"]),
        ],
    ),
    (
        "Tools and Settings",
        [
            ("Macros", "flag", ["macros.Macro"]),
            ("Messages", "mail", ["notifications.Message"]),
            ("Channel apps", "shield", ["tokens.ChannelApp"]),
            ("Incidents", "pause_circle", ["tokens.Incident"]),
            ("Unknown answers", "help", ["tokens.UnknownAnswer"]),
            ("Failed links", "link_off", ["accounts.LinkProblem"]),
            ("API keys", "link", ["accounts.ApiKey"]),
            ("Users and teams", "group", ["users.User", "users.Team", "auth.Group"]),
            ("Invitations", "person_add", ["users.Invitation"]),
            ("Log-ins", "login", ["users.LoginRecord"]),
            ("Retention", "auto_delete", ["users.RetentionPeriod"]),
        ],
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of the sidebar with the items that this person may use."""
    start = {
        "title": "Start",
        "icon": "dashboard",
        "link": reverse("admin:index"),
        "active": request.path == reverse("admin:index"),
    }
    groups = [{"title": title, "items": list(_items(request, items))} for title, items in _GROUPS]
    groups[0]["items"].insert(0, start)  # type: ignore[attr-defined]  # a list of dicts
    return [group for group in groups if group["items"]]


def _items(request: HttpRequest, items: list[tuple[str, str, list[str]]]) -> Iterator[dict[str, Any]]:
    for title, icon, labels in items:
        links = [link for link in (_link(request, label) for label in labels) if link]
        if not links:
            continue
        item = {
            "title": title,
            "icon": icon,
            "link": links[0],
            "active": any(request.path.startswith(link) for link in links),
        }
        if labels[0] == "accounts.Account":
            item |= {"badge": _deactivated(request), "badge_words": "deactivated"}
        yield item


def _link(request: HttpRequest, label: str) -> str:
    """Return the list's address, or "" where the model has no page or the person may not see it."""
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return ""
    model_admin = admin.site.get_model_admin(model)
    if not (model_admin.has_module_permission(request) and model_admin.has_view_permission(request)):
        return ""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")  # noqa: SLF001  # Django's documented API


def _deactivated(request: HttpRequest) -> str:
    """Return how many accounts are deactivated; "" for none, "99+" from a hundred on."""
    dark = Account.objects.visible_to(request.user).filter(state=Account.State.DEACTIVATED)
    return short_count(dark, limit=99, zero="")
