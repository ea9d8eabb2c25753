"""What the portal's search finds: pages, accounts, people, macros, and failed links by the code that a person reads out."""

from collections.abc import Callable

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from unfold.dataclasses import SearchResult

from accounts.health_sql import by_deadline
from accounts.models import Account, LinkProblem
from accounts.search import search as search_accounts
from macros import scope
from users.models import User, person
from users.visibility import names_for, people_of

MOST = 8  # of each kind; the lists have the rest

Finder = Callable[[HttpRequest, str], list[SearchResult]]


def results(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return what this member of staff may open under a term, best guesses first. It reads, and keeps nothing."""
    return [found for finder in FINDERS for found in finder(request, term)]


def _failed_links(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("accounts.view_linkproblem") or not term.upper().startswith("LNK"):
        return []
    seen = admin.site.get_model_admin(LinkProblem).get_queryset(request)
    return [
        _result(problem.code, f"{problem.user or gettext('Somebody')} · {problem.get_channel_display()} · {problem.get_kind_display()}",
                "accounts_linkproblem_change", problem.pk, "link_off")
        for problem in seen.filter(code__istartswith=term)[:MOST]
    ]  # fmt: skip


def _accounts(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("accounts.view_account"):
        return []
    seen = search_accounts(Account.objects.visible_to(request.user), term, names_for(request.user))
    return [
        _result(account.name, f"{account.get_channel_display()} · {account.native_id}", "accounts_account_change", account.pk, "campaign")
        for account in seen.order_by(*by_deadline(narrowed=True))[:MOST]
    ]  # fmt: skip


def _people(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("users.view_user"):
        return []
    seen = people_of(person(request))
    found = seen.filter(name__icontains=term) | seen.filter(email__icontains=term)
    return [_person(user) for user in found.distinct().order_by("name", "email")[:MOST]]


def _person(user: User) -> SearchResult:
    return _result(str(user), user.email, "users_user_change", user.pk, "person")


def _macros(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("macros.view_macro"):
        return []
    seen = scope.visible_macros(person(request)).filter(name__icontains=term)
    return [_result(macro.name, "Macro", "macros_macro_change", macro.pk, "flag") for macro in seen[:MOST]]


FINDERS: tuple[Finder, ...] = (_failed_links, _accounts, _people, _macros)


def _result(title: str, description: str, page: str, pk: int, icon: str) -> SearchResult:
    return SearchResult(title, description, reverse(f"admin:{page}", args=[pk]), icon)
