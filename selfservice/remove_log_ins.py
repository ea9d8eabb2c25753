"""Removing several of one's own log-ins in one go: what stops with all of them, who could carry it, one confirmation; a worker does it."""

from functools import partial
from hashlib import sha256
from secrets import token_urlsafe

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import leaving, own_removal
from accounts.leaving import Then
from selfservice import log_ins, who_carries_on
from tokens.channels import declarations
from tokens.models import Token
from ui import confirm
from ui.confirm import Done, Late, Page, Said
from users.models import User, person

SHOWN = log_ins.SHOWN  # accounts that stop, by name


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def remove(request: HttpRequest) -> HttpResponse:
    """Show what stops with the ticked log-ins and who could carry on (GET), then have them removed (POST)."""
    user = person(request)
    tokens = _ticked(request, user)
    if not tokens:
        messages.info(request, log_ins.say("none_ticked"))
        return redirect("log_ins")
    if len(tokens) == 1:
        return redirect("remove_log_in", tokens[0].pk)
    accounts = leaving.accounts_of(user, only=[one.pk for one in tokens])
    numbers = leaving.count(accounts)
    now = timezone.now()
    plan = who_carries_on.plan_of(tokens, user, now)
    left = who_carries_on.keep_one(accounts, plan, tokens, user, now=now)
    first = list(accounts.filter(leaving.STOPS).order_by("name", "pk")[:SHOWN])
    facts = {
        "log_ins": [(declarations.label(one.app.channel), one.native_user_name) for one in tokens],
        "count": len(tokens),
        "stops": who_carries_on.lines(first, plan, user),
        "stop_count": numbers[Then.STOPS],
        "unnamed": numbers[Then.STOPS] - len(first),
        "left": left,
        "left_more": numbers[Then.ONE_LEFT] - len(left),
        "one_left": numbers[Then.ONE_LEFT],
        "go_on": numbers[Then.GOES_ON],
        **who_carries_on.invite_facts(plan, back=request.get_full_path()),
    }
    state = _state(tokens)
    page = Page(
        "selfservice/confirm/remove_log_ins.html",
        reverse("log_ins"),
        facts,
        seen=f"{token_urlsafe(9)}.{state}",
        must_type=user.get_full_name() if numbers[Then.STOPS] else "",
        ask_why=False,
        warns=numbers[Then.STOPS] > 0,
        danger=True,
        form=partial(who_carries_on.RemoveForm, plan=plan, user=user),
    )

    def do(said: Said) -> Done:
        once, _, seen = said.seen.partition(".")
        if seen != state:
            raise Late
        return log_ins.start(request, tokens, said, once=once[:40])

    return confirm.answer(request, page, do, frame=lambda _: {"layout": "selfservice/confirm_page.html"})


def _ticked(request: HttpRequest, user: User) -> list[Token]:
    """Return those of the log-ins that the address names which the person may remove."""
    texts = request.GET.getlist("log_in")
    ids = {int(pk) for pk in texts if pk.isascii() and pk.isdigit() and len(pk) < 19}
    mine = leaving.log_ins(user).filter(pk__in=ids - own_removal.being_removed(user))
    return list(mine.select_related("app").defer("credentials").order_by("app__channel", "pk"))


def _state(tokens: list[Token]) -> str:
    """Return what is the same as long as the same log-ins are looked at: a renewal meanwhile changes nothing."""
    return sha256(repr([(one.pk, one.linked_at) for one in tokens]).encode()).hexdigest()[:16]
