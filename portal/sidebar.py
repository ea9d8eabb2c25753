"""The staff portal's sidebar in the article's words. What one may not use is not drawn."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django_stubs_ext import StrPromise

from accounts.models import Account
from ui.text import short_count
from users.models import User, person

# Pages that are no list of the portal, by the names of their addresses: who may open them.
_PAGES: Mapping[str, Callable[[User], bool]] = {"client_links": User.may_see_links}
# Title, icon of the theme, models or pages (the first is linked; the item is active on all of them).
_GROUPS: list[tuple[StrPromise, list[tuple[StrPromise, str, list[str]]]]] = [
    (
        gettext_lazy("Advertising"),
        [
            (gettext_lazy("Social Accounts"), "format_list_bulleted", ["accounts.Account"]),
            (gettext_lazy("Authenticate Tokens"), "key", ["tokens.Token"]),
            (gettext_lazy("Requests"), "autorenew", ["accounts.Ask"]),
            (gettext_lazy("Client links"), "add_link", ["client_links"]),
        ],
    ),
    (
        gettext_lazy("Tools and Settings"),
        [
            (gettext_lazy("Macros"), "flag", ["macros.Macro"]),
            (gettext_lazy("Messages"), "mail", ["notifications.Message"]),
            (gettext_lazy("Parked addresses"), "unsubscribe", ["users.RefusedAddress"]),
            (gettext_lazy("Snoozed warnings"), "schedule", ["macros.Mute"]),
            (gettext_lazy("Channel apps"), "shield", ["tokens.ChannelApp"]),
            (gettext_lazy("Unknown answers"), "help", ["tokens.UnknownAnswer"]),
            (gettext_lazy("Failed links"), "link_off", ["accounts.LinkProblem"]),
            (gettext_lazy("API keys"), "link", ["accounts.ApiKey"]),
            (gettext_lazy("Users and teams"), "group", ["users.User", "users.Team"]),
            (gettext_lazy("Invitations"), "person_add", ["users.Invitation"]),
            (pgettext_lazy("at AdToken", "Log-ins"), "login", ["users.LoginRecord"]),
        ],
    ),
]


def stand_at(request: HttpRequest, path: str) -> None:
    """Have the sidebar show that a page belongs to that of `path`, where its own address does not say so. Before the page is framed."""
    request.place = path  # type: ignore[attr-defined]  # ours


def _place(request: HttpRequest) -> str:
    return str(getattr(request, "place", request.path))


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of the sidebar with the items that this person may use."""
    start = {
        "title": gettext("Start"),
        "icon": "dashboard",
        "link": reverse("admin:index"),
        "active": _place(request) == reverse("admin:index"),
    }
    groups = [{"title": str(title), "items": list(_items(request, items))} for title, items in _GROUPS]
    groups[0]["items"].insert(0, start)  # type: ignore[attr-defined]  # a list of dicts
    return [group for group in groups if group["items"]]


def _items(request: HttpRequest, items: list[tuple[StrPromise, str, list[str]]]) -> Iterator[dict[str, Any]]:
    for title, icon, labels in items:
        links = [link for link in (_link(request, label) for label in labels) if link]
        if not links:
            continue
        item = {
            "title": str(title),
            "icon": icon,
            "link": links[0],
            "active": any(_place(request).startswith(link) for link in links),
        }
        if labels[0] == "accounts.Account":
            item |= {"badge": _deactivated(request), "badge_words": gettext("deactivated")}
        yield item


def _link(request: HttpRequest, label: str) -> str:
    """Return the address of a page, or of a model's list; "" where there is none or the person may not see it."""
    if label in _PAGES:
        return reverse(label) if _PAGES[label](person(request)) else ""
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return ""
    model_admin = admin.site.get_model_admin(model)
    if not (model_admin.has_module_permission(request) and model_admin.has_view_permission(request)):
        return ""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")  # noqa: SLF001  # Django's documented API


def _deactivated(request: HttpRequest) -> str:
    """Return how many accounts are deactivated; "" for none, "99+" from a hundred on."""
    deactivated = Account.objects.visible_to(request.user).filter(state=Account.State.DEACTIVATED)
    return short_count(deactivated, limit=99, zero="")
