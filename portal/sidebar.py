"""The staff portal's sidebar in the article's words. What one may not use is not drawn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrPromise

from accounts.models import Account
from portal import access
from tokens.models import ChannelApp
from ui.text import short_count
from users.models import RefusedAddress, User, person

# Pages that are no list of the portal, by the names of their addresses: what a tab calls them, and who may open them.
_PAGES: Mapping[str, tuple[StrPromise, Callable[[User], bool]]] = {
    "client_links": (gettext_lazy("Client links"), User.may_see_links),
}
# Title, icon of the theme, and the lists or pages that are its tabs; the first that one may see is linked.
_GROUPS: list[tuple[StrPromise, list[tuple[StrPromise, str, list[str]]]]] = [
    (
        gettext_lazy("Advertising"),
        [
            (gettext_lazy("Social Accounts"), "format_list_bulleted", ["accounts.Account"]),
            (gettext_lazy("Authenticate Tokens"), "key", ["tokens.Token"]),
            (gettext_lazy("Requests"), "autorenew", ["accounts.Ask"]),
        ],
    ),
    (
        gettext_lazy("Tools and Settings"),
        [
            (gettext_lazy("Macros"), "flag", ["macros.Macro"]),
            (
                gettext_lazy("Messages"),
                "mail",
                ["notifications.Message", "macros.Mute", "users.RefusedAddress"],
            ),
            (
                gettext_lazy("People"),
                "group",
                ["users.User", "users.Team", "users.Invitation", "client_links", "users.LoginRecord"],
            ),
            (
                gettext_lazy("Channels"),
                "shield",
                ["tokens.ChannelApp", "tokens.UnknownAnswer", "accounts.LinkProblem"],
            ),
            (gettext_lazy("Settings"), "settings", ["accounts.ApiKey", "macros.Endpoint"]),
        ],
    ),
]


@dataclass(frozen=True)
class Tab:
    """One of the lists or pages behind an entry, as `portal/list.html` shows the ready-made views."""

    display: str
    query_string: str  # its address
    selected: bool


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


def tabs(request: HttpRequest) -> list[Tab]:
    """Return the lists and pages beside this one, under the same entry of the sidebar; none where it is alone."""
    for _group, items in _GROUPS:
        for _title, _icon, labels in items:
            found = _tabs(request, labels)
            if any(tab.selected for tab in found):
                return found if len(found) > 1 else []
    return []


def _tabs(request: HttpRequest, labels: Sequence[str]) -> list[Tab]:
    found = [(title, link) for title, link in (_page(request, label) for label in labels) if link]
    return [Tab(title, link, _place(request).startswith(link)) for title, link in found]


def _items(request: HttpRequest, items: list[tuple[StrPromise, str, list[str]]]) -> Iterator[dict[str, Any]]:
    for title, icon, labels in items:
        found = _tabs(request, labels)
        if not found:
            continue
        item = {
            "title": str(title),
            "icon": icon,
            "link": found[0].query_string,
            "active": any(tab.selected for tab in found),
            "tabs": found,
        }
        if labels[0] in _BADGES:
            words, count = _BADGES[labels[0]]
            item |= {"badge": count(request), "badge_words": str(words)}
        yield item


def _page(request: HttpRequest, label: str) -> tuple[str, str]:
    """Return the name and the address of a page, or of a model's list; no address where the person may not see it."""
    if label in _PAGES:
        title, may_see = _PAGES[label]
        return str(title), reverse(label) if may_see(person(request)) else ""
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return "", ""
    model_admin: Any = admin.site.get_model_admin(model)
    if not (model_admin.has_module_permission(request) and model_admin.has_view_permission(request)):
        return "", ""
    address = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"  # noqa: SLF001  # Django's documented API
    return str(model_admin.list_title), reverse(address)


def _deactivated(request: HttpRequest) -> str:
    """Return how many accounts are deactivated; "" for none, "99+" from a hundred on."""
    deactivated = Account.objects.visible_to(request.user).filter(state=Account.State.DEACTIVATED)
    return short_count(deactivated, limit=99, zero="")


def _parked(request: HttpRequest) -> str:
    """Return how many addresses mail does not reach, for those who may see them."""
    if not request.user.has_perm("users.view_refusedaddress"):
        return ""
    parked = access.rows_of_known_addresses(RefusedAddress.objects.all(), person(request))
    return short_count(parked, limit=99, zero="")


def _refused(_request: HttpRequest) -> str:
    """Return how many channel apps their channel refuses."""
    return short_count(ChannelApp.objects.refused(), limit=99, zero="")


_BADGES: Mapping[str, tuple[StrPromise, Callable[[HttpRequest], str]]] = {
    "accounts.Account": (gettext_lazy("deactivated"), _deactivated),
    "notifications.Message": (gettext_lazy("addresses that mail does not reach"), _parked),
    "tokens.ChannelApp": (gettext_lazy("refused by their channel"), _refused),
}
