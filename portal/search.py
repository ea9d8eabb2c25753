"""What the portal's search finds: pages, accounts, people, teams, macros, and failed links by the code that a person reads out."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.dataclasses import SearchResult

from accounts.models import Account, LinkProblem
from accounts.pool import permissions
from accounts.pool.health import by_deadline
from accounts.pool.queries import accounts_named
from accounts.pool.queries import search_accounts as search_accounts
from macros.models import Macro
from portal import sidebar
from portal.sidebar import Tab
from users.models import User, person
from users.people.queries import names_for

MOST = 8  # of each kind; the lists have the rest
_CODE = re.compile(r"(?:LNK[- ]?)?([0-9A-F]{4,6})", re.IGNORECASE)
# Pages that the sidebar does not name, and what one needs to open each.
_PAGES = (
    (gettext_lazy("Add Account"), "admin:accounts_account_add", (permissions.LINK,)),
    (
        gettext_lazy("Import accounts"),
        "admin:accounts_account_import",
        (permissions.VIEW, permissions.IMPORT),
    ),
    (gettext_lazy("My jobs"), "admin:accounts_account_jobs", (permissions.VIEW,)),
    (gettext_lazy("Create Macro"), "admin:macros_macro_add", ("macros.add_macro",)),
    (gettext_lazy("People"), "admin:users_user_changelist", ("users.view_user",)),
    (gettext_lazy("Teams"), "admin:users_team_changelist", ("users.view_team",)),
    (
        gettext_lazy("Why did somebody (not) get a mail?"),
        "admin:why",
        (permissions.VIEW, "notifications.view_message"),
    ),
    (gettext_lazy("My accounts"), "my_accounts", ()),
    (gettext_lazy("What each channel needs"), "channel_needs", ()),
)

Finder = Callable[[HttpRequest, str], list[SearchResult]]


def results(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return what this member of staff may open under a term, best guesses first. It reads, and keeps nothing."""
    return [found for finder in FINDERS for found in finder(request, term)]


def _failed_links(request: HttpRequest, term: str) -> list[SearchResult]:
    code = _CODE.fullmatch(term)
    if not request.user.has_perm("accounts.view_linkproblem") or code is None:
        return []
    seen = (
        admin.site.get_model_admin(LinkProblem)
        .get_queryset(request)
        .filter(code__istartswith=f"LNK-{code[1]}")
    )
    return _found(
        seen, "accounts_linkproblem", "link_off", lambda one: one.code,
        lambda one: f"{one.whose or gettext('Somebody')} · {one.get_channel_display()} · {one.get_kind_display()}",
    )  # fmt: skip


def _accounts(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("accounts.view_account"):
        return []
    return _listed(accounts_named(Account.objects.visible_to(request.user), term))


def _accounts_of_people(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return accounts by the people who carry them: a person has many, so the person comes first."""
    if not request.user.has_perm("accounts.view_account"):
        return []
    seen = Account.objects.visible_to(request.user)
    whole = search_accounts(seen, term, names_for(request.user))
    return _listed(whole.exclude(pk__in=accounts_named(seen, term).values("pk")))


def _listed(accounts: QuerySet[Account]) -> list[SearchResult]:
    return _found(
        accounts.order_by(*by_deadline()), "accounts_account", "campaign", lambda one: one.name,
        lambda one: f"{one.get_channel_display()} · {one.native_id}",
    )  # fmt: skip


def _people(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("users.view_user"):
        return []
    named = User.objects.visible_to(person(request)).filter(
        Q(name__icontains=term) | Q(email__icontains=term)
    )
    return _found(
        named.distinct().order_by("name", "email"), "users_user", "person", str, lambda one: one.email
    )


def _teams(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("users.view_team"):
        return []
    named = person(request).teams_seen.filter(name__icontains=term).order_by("name")
    return _found(named, "users_team", "group", str, lambda _: gettext("Team"))


def _macros(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("macros.view_macro"):
        return []
    named = Macro.objects.visible_to(person(request)).filter(name__icontains=term)
    return _found(named, "macros_macro", "flag", str, lambda _: gettext("Macro"))


def _pages(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return pages by the names that the sidebar and buttons give them, and all of an entry or group of the sidebar by its name."""
    low, found = term.casefold(), dict[str, SearchResult]()
    for group in sidebar.navigation(request):
        for item in group["items"]:
            for tab in item.get("tabs", [Tab(item["title"], item["link"], selected=False)]):
                names = (tab.display, item["title"], group["title"])
                if any(low in name.casefold() for name in names):
                    found[tab.query_string] = SearchResult(
                        tab.display, item["title"], tab.query_string, "arrow_forward"
                    )
    for title, name, needed in _PAGES:
        link = reverse(name)
        if low in str(title).casefold() and request.user.has_perms(needed):
            found.setdefault(link, SearchResult(str(title), gettext("Page"), link, "arrow_forward"))
    return list(found.values())


FINDERS: tuple[Finder, ...] = (
    _failed_links,
    _accounts,
    _people,
    _teams,
    _macros,
    _pages,
    _accounts_of_people,
)


def _found(
    rows: QuerySet[Any], model: str, icon: str, title: Callable[[Any], str], about: Callable[[Any], str]
) -> list[SearchResult]:
    """Return the first rows, each with the way to its page."""
    return [
        SearchResult(title(one), about(one), reverse(f"admin:{model}_change", args=[one.pk]), icon)
        for one in rows[:MOST]
    ]
