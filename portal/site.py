"""The staff portal's site: log-in through allauth, the second factor as a second layer, and the policy that the theme needs."""

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from unfold.sites import UnfoldAdminSite

from accounts.asks import views as asking
from accounts.models import Account
from macros.why import admin as why
from portal import access, search
from portal.start import first_steps
from portal.start import views as start_page
from users.login import second_factor


class Choices(AutocompleteJsonView):
    """What a picker offers: ad accounts by name, each with its channel and id; everything else as Django does."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return what was found, always in an order: the next page must not repeat or leave out a row."""
        found: QuerySet[Any] = super().get_queryset()
        return found.order_by("name", "pk") if found.model is Account else found

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        """Return one row of the picker."""
        row: dict[str, str] = super().serialize_result(obj, to_field_name)
        return {**row, "text": obj.full_name} if isinstance(obj, Account) else row


class AdTokenAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # the theme ships no types
    """The one admin site of AdToken."""

    index_title = "Start"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.login: Callable[..., Any] = secure_admin_login(super().login)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the one page that changes the own password: it counts guesses of the old one, and mails the person."""
        return redirect("account_change_password")

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may open the portal: active staff who has shown a second factor in this session."""
        return bool(super().has_permission(request)) and second_factor.suffices(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Wrap a view of the portal, with the policy that the theme needs."""
        return access.allow_theme(super().admin_view(view, cacheable))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add what the start page leads to, and the pages about mails that are about no single row."""
        own = (
            ("test-mail/", first_steps.send_test_mail, "test_mail"),
            ("ask-due/", asking.ask_for_due, "ask_due"),
            ("why/", why.page, "why"),
        )
        return [
            *(path(tail, self.admin_view(view), name=name) for tail, view, name in own),
            *super().get_urls(),
        ]

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with what a picker offers for what was typed."""
        return Choices.as_view(admin_site=self)(request)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Answer with what is found, for the palette. The theme's own would keep the results for minutes."""
        term = request.GET.get("s", "").strip()[:100]
        if not term:
            return HttpResponse()
        found = search.results(request, term)
        return TemplateResponse(
            request,
            "unfold/helpers/command_results.html",
            {"results": found, "term": term},
            headers={"HX-Trigger": "search"},
        )

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the start page: apps are no subject of the portal."""
        return redirect("admin:index")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the start page: counts that lead to filtered lists."""
        return super().index(request, {**start_page.context(request), **(extra_context or {})})  # type: ignore[no-any-return]  # untyped theme

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the viewer's own theme, as the profile says it."""
        theme = getattr(request.user, "theme", "auto")
        return {**super().each_context(request), **({"theme": theme} if theme != "auto" else {})}
