"""Moving accounts to another team: one from its own page, or many from the list. GET shows what follows, POST moves."""

from collections.abc import Callable, Sequence

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode

from accounts import actions
from accounts.errors import DeedRefused
from accounts.models import Account
from accounts.name_visibility import Names
from accounts.permissions import MOVE
from accounts.pool_reasons import OUTSIDE
from portal import access, account_pages, bulk
from portal.bulk_items import SHOWN, number
from portal.forms import MoveForm
from ui import confirm
from ui.confirm import Page
from ui.text import join_names
from users.models import Team, person

FOLLOWS = (
    ("API keys", "only those of the new team reach it, at once"),
    ("Macros", "those of the new team warn about it; waiting mails of the old team\u2019s are dropped"),
    ("Staff", "of the new team see it; of the old team no more"),
    ("People who linked it", "keep it on their own pages"),
)


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the addresses of both pages."""
    wrap = admin.site.admin_view
    return [
        path("bulk/team/", wrap(_many(chosen)), name="accounts_account_bulk_team"),
        path("<int:account_id>/team/", wrap(one), name="accounts_account_team"),
    ]


def one(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask where one account goes (GET), move it (POST)."""
    access.demand(request, MOVE)
    account = access.account(request, account_id)
    back = reverse("admin:accounts_account_change", args=[account.pk])
    context = account_pages.context(request, account, "")
    page = Page(
        question=f"Move {account.name} to another team?",
        lead=f"{account.name} on {account.get_channel_display()}",
        button="Move the account",
        facts=[
            ("Team now", Names(request.user).team(account.team)),
            *FOLLOWS,
            ("Undo", "move it back"),
        ],
    )
    return _answer(request, [account], page, context=context, back=back)


def _many(chosen: bulk.Choose) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.demand(request, MOVE)
        accounts, more = chosen(request)
        if not accounts:
            messages.warning(request, "No account was chosen.")
            return HttpResponseRedirect(bulk.back(request))
        names, many = Names(request.user), number(len(accounts), "account")
        lines = [
            (one.name, f"{one.get_channel_display()} · {one.native_id}", names.team(one.team))
            for one in accounts[:SHOWN]
        ]
        if len(accounts) > SHOWN:
            lines.append((f"and {len(accounts) - SHOWN} more", "", ""))
        page = bulk.with_rest(
            Page(
                question=f"Move {many} to another team?",
                lead="Their log-ins stay, as far as the new team takes them.",
                button=f"Move {many}",
                facts=FOLLOWS,
                people=lines,
                columns=("Account", "Channel and ID", "Team now"),
            ),
            more,
        )
        context = {**access.frame(request), "account": None}
        return _answer(request, accounts, page, context=context, back=bulk.back(request))

    return view


def _answer(
    request: HttpRequest, accounts: Sequence[Account], page: Page, *, context: dict[str, object], back: str
) -> HttpResponse:
    """Show the page (GET, and a POST without a team), or move (POST) and lead back."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    data = request.POST if request.method == "POST" else None
    form = MoveForm(data, viewer=person(request), initial={"team": request.GET.get("team")})
    if data is None or not form.is_valid():
        return confirm.show(request, page, context=context, back=back, form=form)
    _move(request, accounts, form.cleaned_data["team"], form.cleaned_data["note"])
    return HttpResponseRedirect(back if _still_sees(request, accounts) else bulk.back(request))


def _move(request: HttpRequest, accounts: Sequence[Account], team: Team, note: str) -> None:
    """Move one by one; one that is there already stops no other. Say one count."""
    moved: list[Team] = []
    for account in accounts:
        try:
            moved.append(
                actions.move_to_team(
                    account=account, team=team, actor=person(request), note=note, now=timezone.now()
                )
            )
        except DeedRefused as refusal:
            messages.warning(request, str(refusal))
    if not moved:
        return
    ids = [account.pk for account in accounts]
    stopped = Account.objects.filter(pk__in=ids, state=Account.State.DEACTIVATED, reason=OUTSIDE)
    if names := list(stopped.order_by("name").values_list("name", flat=True)):
        messages.warning(
            request,
            f"{join_names(names)} stopped: {team} takes log-ins of its own people only, and nobody of them is linked.",
        )
    text: str = f"{number(len(moved), 'account')} moved to {team}."
    if len(accounts) == 1:
        undo = reverse("admin:accounts_account_team", args=[accounts[0].pk])
        text = format_html(
            '{} <a class="at-link" href="{}?{}">{}</a>',
            f"{accounts[0].name} is in the team {team} now.",
            undo,
            urlencode({"team": moved[0].pk}),
            "Move it back",
        )
    messages.success(request, text)


def _still_sees(request: HttpRequest, accounts: Sequence[Account]) -> bool:
    return Account.objects.visible_to(request.user).filter(pk=accounts[0].pk).exists()
