"""Moving accounts to another team: one from its own page, or many from the list. GET shows what follows, POST moves."""

from collections.abc import Callable
from functools import partial

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts import actions, asks_of_moved, deed_kinds, permissions
from accounts.models import Account
from accounts.pool_reasons import OUTSIDE
from macros import moved
from portal import access, account_pages, bulk
from portal.forms import MoveForm
from ui import confirm
from ui.confirm import ConfirmLine, Done, Page, Said
from users.models import person
from users.visibility import names_for


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the addresses of both pages."""
    wrap = admin.site.admin_view
    return [
        path("bulk/team/", wrap(_many(chosen)), name="accounts_account_bulk_team"),
        path("<int:account_id>/team/", wrap(one), name="accounts_account_team"),
    ]


def one(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask where one account goes (GET), move it (POST)."""
    access.require(request, permissions.MOVE)
    account = access.account(request, account_id)
    this = Account.objects.filter(pk=account.pk)
    page = Page(
        "portal/confirm/move.html",
        reverse("admin:accounts_account_change", args=[account.pk]),
        {
            "account": account,
            "team_now": names_for(request.user).team(account.team),
            "asks": asks_of_moved.number_of(this, timezone.now()),
            "ends": moved.numbers(this),
        },
        form=_form(request),
    )
    return confirm.answer(
        request, page, lambda said: _move(request, account, said), frame=account_pages.frame(account)
    )


def _many(choose: bulk.Choose) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, permissions.MOVE)
        chosen = choose(request)
        if not chosen.total:
            return bulk.none_chosen(request)
        names = names_for(request.user)
        page = Page(
            "portal/confirm/bulk_move.html",
            bulk.back(request),
            {
                "count": chosen.total,
                "asks": asks_of_moved.number_of(chosen.whole, timezone.now()),
                "ends": moved.numbers(chosen.whole),
            },
            lines=[
                ConfirmLine(one.name, f"{one.get_channel_display()} · {one.native_id}", names.team(one.team))
                for one in chosen.accounts
            ],
            unread=chosen.unread,
            form=_form(request),
            seen=chosen.seen,
        )

        def do(said: Said) -> Done:
            return bulk.start(request, deed_kinds.MOVE, chosen, said, subject_id=said.cleaned["team"].pk)

        return confirm.answer(request, page, do, frame=bulk.frame(request))

    return view


def _form(request: HttpRequest) -> Callable[..., MoveForm]:
    """Return the form with the viewer's teams, and with the one that the address proposes."""
    return partial(MoveForm, viewer=person(request), initial={"team": request.GET.get("team")})


def _move(request: HttpRequest, account: Account, said: Said) -> Done:
    """Move it. Raises ActionRefused where it is there already."""
    team = said.cleaned["team"]
    came_from = actions.move_to_team(
        account=account, team=team, actor=person(request), note=said.note, now=timezone.now()
    )
    stopped = Account.objects.filter(pk=account.pk, state=Account.State.DEACTIVATED, reason=OUTSIDE)
    undo = reverse("admin:accounts_account_team", args=[account.pk])
    facts = {
        "team": team,
        "moved": 1,
        "stopped": list(stopped.values_list("name", flat=True)),
        "undo": f"{undo}?{urlencode({'team': came_from.pk})}",
    }
    after = "" if _still_sees(request, account) else bulk.back(request)
    return Done(facts, after=after)


def _still_sees(request: HttpRequest, account: Account) -> bool:
    return Account.objects.visible_to(request.user).filter(pk=account.pk).exists()
