"""The person's own log-ins at the channels, and what they do."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.asks import queries
from accounts.leaving import job
from tokens import reasons
from tokens.channels import registry
from tokens.models import Token
from ui import progress
from ui.phrases import phrase
from users.models import User, person

say = partial(phrase, "words/log_ins.txt")


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
    own = _own(person(request))
    going = job.going([one.pk for one in own])
    rows = [_row(token, going) for token in own]
    context = {
        "rows": rows,
        "asked": queries.to_back_up(person(request)).count(),
        "going": len(going),
        "several": sum(row.removable for row in rows) > 1,
    }
    page = render(request, "selfservice/log_ins.html", context)
    return progress.open_again(page) if going else page
