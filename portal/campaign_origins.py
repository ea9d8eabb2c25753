"""Where re-auth campaigns begin: accounts or log-ins that are chosen in a list, a channel app that people leave, and what is due."""

from collections.abc import Callable

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from accounts import asks_of_app, due_asks, permissions
from portal import access, bulk, campaign_start
from portal.campaign_start import Origin
from tokens.models import ChannelApp, Token
from users.models import person


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the address of the page for accounts that were chosen."""
    view = admin.site.admin_view(_of_accounts(chosen))
    return [path("bulk/campaign/", view, name="accounts_account_bulk_campaign")]


def _of_accounts(choose: bulk.Choose) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, permissions.RUN_CAMPAIGN)
        chosen = choose(request)
        if not chosen.total:
            return bulk.none_chosen(request)
        origin = Origin(
            due_asks.of_accounts(chosen.whole, timezone.now()),
            bulk.back(request),
            bulk.frame(request),
            lambda: gettext("No log-in of these accounts stopped or ends within 30 days."),
        )
        return campaign_start.answer(request, origin)

    return view


def of_tokens(request: HttpRequest, tokens: QuerySet[Token], back: str) -> HttpResponse:
    """Answer with the page for log-ins that were chosen (a query of visible ones). 403 for whoever may not begin a campaign."""
    access.require(request, permissions.RUN_CAMPAIGN)
    origin = Origin(
        asks_of_app.of_tokens(tokens, person(request)),
        back,
        access.frame_of(Token, back),
        lambda: gettext("None of these log-ins is linked to an account."),
    )
    return campaign_start.answer(request, origin)


def of_app(request: HttpRequest, app: ChannelApp, back: str) -> HttpResponse:
    """Answer with the page for the log-ins that use a channel app."""
    origin = Origin(
        asks_of_app.of_app(app, person(request)),
        back,
        access.frame_of(app),
        lambda: gettext("No log-in uses it."),
    )
    return campaign_start.answer(request, origin)


def of_due(request: HttpRequest) -> HttpResponse:
    """Answer with the page for the log-ins that could keep what is dark, or will be within 7 days. 403 for whoever may not."""
    access.require(request, permissions.RUN_CAMPAIGN)
    origin = Origin(
        due_asks.waiting(person(request), timezone.now()),
        reverse("admin:index"),
        access.frame_of_start,
        lambda: gettext("No account is deactivated or ends within 7 days because of a log-in."),
    )
    return campaign_start.answer(request, origin)
