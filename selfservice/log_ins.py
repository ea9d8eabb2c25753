"""The person's own log-ins at the channels, and "Remove my log-in": what stops and who carries on, before anything is done."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import backup_requests, leaving, leaving_invites, own_removal, removal, tasks
from accounts.jobs import words as job_words
from accounts.leaving import Plan, Then
from selfservice import invited_many, who_carries_on
from tokens import reasons
from tokens.channels import registry
from tokens.models import Token
from ui import confirm, progress
from ui.confirm import Done, Page, Said
from ui.phrases import phrase
from users import asking_workers
from users.models import User, person
from users.visibility import names_for

say = partial(phrase, "words/log_ins.txt")
SHOWN = 20  # accounts that stop, and accounts that go on, by name


@dataclass(frozen=True)
class LogIn:
    """One log-in on the page. `text` says what it does, or why it does nothing."""

    token: Token
    label: str
    state: str  # of the family log_in of ui.pills
    text: str
    removable: bool


def _own(user: User) -> "list[Token]":
    mine = Token.objects.filter(consented_by=user, kind=Token.Kind.PERSON).select_related("app")
    return list(
        mine.defer("credentials").annotate(accounts=Count("pool_entries")).order_by("app__channel", "pk")
    )


def _row(token: Token, going: Collection[int]) -> LogIn:
    label = registry.get(token.app.channel).label
    number: int = token.accounts  # type: ignore[attr-defined]  # counted by _own
    if token.pk in going:
        return LogIn(token, label, "stopped", say("being_removed"), removable=False)
    if token.state == Token.State.DEAD:
        explanation = reasons.explain(
            token.app.channel, token.reason, person=token.native_user_name, you=True
        )
        text = say("carried", n=number, what=explanation.what)
        return LogIn(token, label, "stopped", text, not token.is_removed)
    state = "checking" if token.state == Token.State.COOLING else "works"
    return LogIn(token, label, state, say("carries", n=number), removable=True)


@login_required
@require_GET
@never_cache
def log_ins(request: HttpRequest) -> HttpResponse:
    """List the person's own log-ins, also those that are no longer linked to anything."""
    going = own_removal.being_removed(person(request))
    rows = [_row(token, going) for token in _own(person(request))]
    invited = leaving_invites.begun_by_removals_of(person(request))
    context = {
        "rows": rows,
        "asked": backup_requests.waiting_for(person(request)).count(),
        "going": len(going),
        "invited": [
            (one.pk, invited_many.title(one), job_words.result(one), one.fell_short) for one in invited
        ],
        "left_over": own_removal.left_over(person(request)),
        "several": sum(row.removable for row in rows) > 1,
    }
    page = render(request, "selfservice/log_ins.html", context)
    return progress.open_again(page) if going else page


def start(request: HttpRequest, tokens: Sequence[Token], said: Said, *, once: str) -> Done:
    """Have a worker ask colleagues and remove these log-ins. Raises OnHold."""
    own_removal.start(
        user=person(request),
        tokens=tokens,
        backups=bool(said.cleaned.get("backups")),
        asks=bool(said.cleaned.get("asks")),
        invite=said.cleaned.get("invite", ""),
        once=once,
        now=timezone.now(),
    )
    transaction.on_commit(partial(asking_workers.ask, tasks.run_jobs))
    return Done({"ended": "worker"}, after=reverse("log_ins"))


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def remove(request: HttpRequest, token_id: int) -> HttpResponse:
    """Show what stops and who carries on (GET), then remove the person's own log-in (POST)."""
    user = person(request)
    mine = Token.objects.filter(consented_by=user, kind=Token.Kind.PERSON).select_related("app")
    token = get_object_or_404(mine, pk=token_id)
    going = token.pk in own_removal.being_removed(user)
    if token.is_removed or going:
        messages.info(request, say("going_already" if going else "removed_already"))
        return redirect("log_ins")
    found, now = removal.effects(token), timezone.now()
    first = found.first(SHOWN, names=names_for(user), now=now)
    plan = who_carries_on.plan_of([token], user, now)
    page = Page(
        "selfservice/confirm/remove_log_in.html",
        reverse("log_ins"),
        {
            "stops": who_carries_on.lines([one.account for one in first if one.stops], plan, user),
            **_facts(token, found, plan, user),
            **who_carries_on.invite_facts(plan, back=request.path),
        },
        seen=str(token.generation),
        must_type=found.to_type(first),
        ask_why=False,
        warns=found.stops > 0,
        danger=True,
        form=partial(who_carries_on.RemoveForm, plan=plan, user=user),
    )

    def do(said: Said) -> Done:
        known = said.seen.isascii() and said.seen.isdigit() and len(said.seen) < 9
        generation = int(said.seen) if known else -1
        asking = generation == token.generation  # else the removal is refused, and nobody is asked
        if asking and plan is not None and plan.is_cut:
            return start(request, [token], said, once=token_urlsafe(9))
        failures = who_carries_on.ask(plan, said, user=user, now=timezone.now()) if asking else ()
        ended = removal.remove(token=token, generation=generation, actor=user, note="", now=timezone.now())
        return Done({"ended": ended.value}, failures=failures)

    answer = confirm.answer(request, page, do, frame=lambda _: {"layout": "selfservice/confirm_page.html"})
    if request.method == "POST" and isinstance(answer, TemplateResponse):  # it asks once more
        answer.status_code = HTTPStatus.BAD_REQUEST
    return answer


def _facts(token: Token, found: removal.Effects, plan: Plan | None, user: User) -> dict[str, Any]:
    """Return what the page says of the accounts that stop, that keep one person, and that go on with more."""
    now = timezone.now()
    accounts = leaving.accounts_of(user, only=[token.pk])
    carried = found.first(SHOWN, names=names_for(user), now=now, carried=True)
    shown = [one.account.pk for one in carried]
    weak = set(accounts.filter(leaving.ONE_LEFT, pk__in=shown).values_list("pk", flat=True))
    goes_on = [one for one in carried if one.account.pk not in weak]
    number = leaving.count(accounts)[Then.ONE_LEFT]
    left = who_carries_on.keep_one(accounts, plan, [token], user, now=now)
    return {
        "token": token,
        "channel": registry.get(token.app.channel),
        "stop_count": found.stops,
        "unnamed": found.stops - SHOWN,
        "left": left,
        "left_more": number - len(left),
        "one_left": number,
        "goes_on": goes_on,
        "unnamed_on": found.carried - number - len(goes_on),
    }
