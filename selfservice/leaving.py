"""Letting go what is one's own: log-ins, or one account. The page says what stops and who could carry on; a worker does the rest."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.leaving import deed, pages, plan, services
from accounts.leaving.plan import Plan, Scope
from accounts.models import Account
from tokens.channels import declarations
from tokens.models import Token
from ui import confirm
from ui.confirm import Done, Page, Said
from ui.phrases import phrase
from users import roles, visibility
from users.models import User, person

say = partial(phrase, "words/log_ins.txt")


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def remove(request: HttpRequest) -> HttpResponse:
    """Show what stops without the ticked log-ins and who could carry on (GET), then have them removed (POST)."""
    user = person(request)
    texts = request.GET.getlist("log_in")
    ids = {int(pk) for pk in texts if pk.isascii() and pk.isdigit() and len(pk) < 19}
    ticked = plan.log_ins(user).filter(pk__in=ids - deed.going(ids))
    if not ticked:
        messages.info(request, say("removed_already" if ids else "none_ticked"))
        return redirect("log_ins")
    found = _plan(user, ticked)
    named = [f"{declarations.label(one.app.channel)}: {one.native_user_name}" for one in found.tokens]
    one = found.tokens[0]
    name = user.get_full_name() if len(named) > 1 else one.native_user_name or one.native_user_id
    page = pages.page("remove", found, viewer=user, back=reverse("log_ins"), name=name, more={"named": named})
    return _answer(request, page, found, user)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def give_up(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show whether the account stops or who carries on (GET), then take the person's own log-ins out of it (POST).

    404 for an account that the person does not see, 403 for auditors; back to the account where none of theirs is linked.
    """
    user = person(request)
    if roles.only_looks(user):
        raise PermissionDenied
    account = get_object_or_404(Account.objects.visible_to(user).select_related("team"), pk=account_id)
    own = plan.own_in(account, user)
    if not own:
        return redirect("my_account", account.pk)
    found = _plan(user, own, account=account.pk)
    page = pages.page(
        "give_up",
        found,
        viewer=user,
        back=reverse("my_accounts"),
        name=account.name,
        more={"account": account},
    )
    return _answer(request, page, found, user)


def _plan(user: User, tokens: QuerySet[Token], *, account: int | None = None) -> Plan:
    """Return what becomes of the accounts; somebody else is looked for in those of the person's own teams alone."""
    ids = list(tokens.values_list("pk", flat=True))
    teams = visibility.teams_of(user)
    return plan.read(Scope(user, ids, account, teams), actor=user, now=timezone.now())


def _answer(request: HttpRequest, page: Page, found: Plan, user: User) -> HttpResponse:
    def do(said: Said) -> Done:
        begun = services.let_go(
            found=found,
            actor=user,
            wanted=pages.wanted(said),
            seen=said.seen,
            note=said.note,
            now=timezone.now(),
        )
        return Done({"at_once": services.goes_at_once(begun)})

    return confirm.answer(request, page, do, frame=lambda _: {"layout": "selfservice/confirm_page.html"})
