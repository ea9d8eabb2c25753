"""Moving accounts to another team: one from its own page, or many from the list. GET shows what follows, POST moves."""

from collections.abc import Callable, Sequence
from functools import partial

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts import actions, permissions
from accounts.errors import ActionRefused
from accounts.models import Account
from accounts.pool_reasons import OUTSIDE
from portal import access, account_pages, bulk
from portal.forms import MoveForm
from ui import confirm
from ui.confirm import ConfirmLine, Done, Page, Said
from users.models import Team, person
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
    page = Page(
        "portal/confirm/move.html",
        reverse("admin:accounts_account_change", args=[account.pk]),
        {"account": account, "team_now": names_for(request.user).team(account.team)},
        form=_form(request),
    )
    return confirm.answer(
        request, page, lambda said: _move(request, [account], said), frame=account_pages.frame(account)
    )


def _many(chosen: bulk.Choose) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, permissions.MOVE)
        accounts, more = chosen(request)
        if not accounts:
            return bulk.none_chosen(request)
        names = names_for(request.user)
        page = Page(
            "portal/confirm/bulk_move.html",
            bulk.back(request),
            {"count": len(accounts), "most": bulk.MOST},
            lines=[
                ConfirmLine(one.name, f"{one.get_channel_display()} · {one.native_id}", names.team(one.team))
                for one in accounts
            ],
            warns=more > 0,
            form=_form(request),
        )
        return confirm.answer(
            request, page, lambda said: _move(request, accounts, said), frame=bulk.frame(request)
        )

    return view


def _form(request: HttpRequest) -> Callable[..., MoveForm]:
    """Return the form with the viewer's teams, and with the one that the address proposes."""
    return partial(MoveForm, viewer=person(request), initial={"team": request.GET.get("team")})


def _move(request: HttpRequest, accounts: Sequence[Account], said: Said) -> Done:
    """Move one by one; one that is there already stops no other."""
    team, moved, failures = said.cleaned["team"], list[Team](), list[str]()
    for account in accounts:
        try:
            came_from = actions.move_to_team(
                account=account, team=team, actor=person(request), note=said.note, now=timezone.now()
            )
        except ActionRefused as refusal:
            failures.append(str(refusal))
        else:
            moved.append(came_from)
    ids = [account.pk for account in accounts]
    stopped = Account.objects.filter(pk__in=ids, state=Account.State.DEACTIVATED, reason=OUTSIDE)
    undo = reverse("admin:accounts_account_team", args=ids[:1])
    facts = {
        "team": team,
        "moved": len(moved),
        "stopped": list(stopped.order_by("name").values_list("name", flat=True)) if moved else [],
        "undo": f"{undo}?{urlencode({'team': moved[0].pk})}" if moved else "",
    }
    after = "" if _still_sees(request, accounts) else bulk.back(request)
    return Done(facts, failures=failures, nothing=not moved, after=after)


def _still_sees(request: HttpRequest, accounts: Sequence[Account]) -> bool:
    return Account.objects.visible_to(request.user).filter(pk=accounts[0].pk).exists()
