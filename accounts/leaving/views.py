"""Offboarding a person, and revoking a log-in at its channel, as staff; and one's own log-ins, and letting go of these or of one account.

The page says what stops and who could carry on; a worker does the rest.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.asks import services as asks
from accounts.jobs import views as jobs
from accounts.leaving import forms, handing_over, plan, services
from accounts.leaving.plan import Plan, Scope
from accounts.leaving.services import REVOKING
from accounts.models import Account, ApiKey
from portal import access
from tokens.channels import declarations, registry
from tokens.models import Token
from tokens.token import reasons
from ui import confirm, progress
from ui.addresses import ids_of, own_path
from ui.confirm import Done, Late, Page, Said
from ui.errors import Refusal
from ui.phrases import phrase
from users.models import Session, User, person
from users.people.queries import names_for


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def remove(request: HttpRequest) -> HttpResponse:
    """Show what stops without the ticked log-ins and who could carry on (GET), then have them removed (POST)."""
    user = person(request)
    ids = set(ids_of(request.GET.getlist("log_in")))
    ticked = Token.objects.of_person(user).filter(pk__in=ids - plan.log_ins_going(ids))
    if not ticked:
        messages.info(request, say("removed_already" if ids else "none_ticked"))
        return redirect("log_ins")
    found = _plan(user, ticked)
    named = [f"{declarations.label(one.app.channel)}: {one.native_user_name}" for one in found.tokens]
    one = found.tokens[0]
    name = user.get_full_name() if len(named) > 1 else one.native_user_name or one.native_user_id
    page = forms.leaving_page(
        "remove", found, viewer=user, back=reverse("log_ins"), name=name, own=True, more={"named": named}
    )
    return _answer_own(request, page, found, user)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def give_up(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show whether the account stops or who carries on (GET), then take the person's own log-ins out of it (POST).

    404 for an account that the person does not see, 403 for auditors; back to the account where none of theirs is linked.
    """
    user = person(request)
    if user.only_looks:
        raise PermissionDenied
    account = get_object_or_404(Account.objects.visible_to(user).select_related("team"), pk=account_id)
    own = account.own_log_ins(user)
    if not own:
        return redirect("my_account", account.pk)
    found = _plan(user, own, account=account.pk)
    page = forms.leaving_page(
        "give_up",
        found,
        viewer=user,
        back=reverse("my_accounts"),
        name=account.name,
        own=True,
        more={"account": account},
    )
    return _answer_own(request, page, found, user)


def _plan(user: User, tokens: QuerySet[Token], *, account: int | None = None) -> Plan:
    """Return what becomes of the accounts; somebody else is looked for in those of the person's own teams alone."""
    ids = list(tokens.values_list("pk", flat=True))
    teams = user.teams_managed
    return plan.read_plan(Scope(user, ids, account, teams), actor=user, now=timezone.now())


def _answer_own(request: HttpRequest, page: Page, found: Plan, user: User) -> HttpResponse:
    def do(said: Said) -> Done:
        begun = services.let_go(found=found, actor=user, seen=said.seen, note=said.note, now=timezone.now())
        return Done({"at_once": services.goes_at_once(begun)})

    return confirm.answer(request, page, do, frame=lambda _: {"layout": "selfservice/confirm_page.html"})


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
    going = plan.log_ins_going([one.pk for one in own])
    rows = [_row(token, going) for token in own]
    context = {
        "rows": rows,
        "going": len(going),
        "several": sum(row.removable for row in rows) > 1,
    }
    page = render(request, "selfservice/log_ins.html", context)
    return progress.open_again(page) if going else page


def offboard(request: HttpRequest, leaver: User) -> HttpResponse:
    """Ask (GET), then lock the person out and have a worker end their log-ins (POST). The caller has asked `services.may_offboard`."""
    viewer, now = person(request), timezone.now()
    found = plan.read_plan(Scope(leaver), actor=viewer, now=now)
    here = reverse("admin:users_user_change", args=[leaver.pk])
    form, more = partial(forms.LeaveForm, found=found, viewer=viewer), _depends(found, viewer)
    page = forms.leaving_page(
        "offboard", found, viewer=viewer, back=here, name=str(leaver), form=form, more=more
    )
    refused = _foreign(Token.objects.of_person(leaver), viewer)
    if not found.tokens and not leaver.is_active:
        refused = gettext("This person is switched off, and no log-in of theirs is left.")

    def do(said: Said) -> Done:
        if refused:
            raise Refusal(refused)
        wanted = forms.read_wanted(said)
        done = services.offboard(
            person=leaver, actor=viewer, wanted=wanted, note=said.note, now=timezone.now()
        )
        if done.user_id != viewer.pk:
            raise Late
        return Done(nothing=True, after=done.get_absolute_url())

    return confirm.answer(request, replace(page, refused=refused), do, frame=access.frame_of(leaver))


def revoke(
    request: HttpRequest, token_id: int, visible: Callable[[HttpRequest], QuerySet[Token]]
) -> HttpResponse:
    """Ask (GET), then remove the log-in, of which a worker tells the channel (POST). `visible`: the viewer's tokens.

    404 for a log-in that one does not see.
    """
    access.require(request, REVOKING)
    token = visible(request).filter(pk=token_id).first()
    if token is None:
        raise Http404(gettext("There is no such log-in."))
    viewer = person(request)
    found = plan.read_plan(Scope(token.consented_by, [token.pk]), actor=viewer, now=timezone.now())
    entry, names = token.pool_entries.select_related("account").first(), names_for(viewer)
    account = entry.account if entry else None
    shown = names.token(token, account) if names.sees_token(token, account) else ""
    page = forms.leaving_page(
        "remove",
        found,
        viewer=viewer,
        back=own_path(request.GET.get("next", "")) or reverse("admin:tokens_token_changelist"),
        name=token.native_user_name or token.native_user_id,
        more={"at_once": True, "name": shown},
    )
    refused = _foreign(Token.objects.filter(pk=token.pk), viewer)

    def do(said: Said) -> None:
        if refused:
            raise Refusal(refused)
        services.let_go(found=found, actor=viewer, seen=said.seen, note=said.note, now=timezone.now())

    page = replace(page, refused=refused, late=token.is_removed)
    return confirm.answer(request, page, do, frame=access.frame_of(Token))


def _foreign(tokens: QuerySet[Token], viewer: User) -> str:
    """Return why the viewer may not end these log-ins: they also carry accounts that they do not see."""
    if not services.carries_for_others(tokens, viewer):
        return ""
    return gettext("Log-ins of this person also serve accounts of other teams. Ask an administrator.")


def _depends(found: Plan, viewer: User) -> dict[str, Any]:
    """Return what else is in the name of who leaves, and what becomes of it."""
    leaver = found.scope.person
    assert leaver is not None
    hanging = handing_over.read_hanging(leaver, timezone.now(), taker=viewer)
    query = urlencode({"person": leaver.pk, "alone": 1})
    return {
        "leaver": leaver,
        "hanging": hanging,
        "keys": [one.name for one in ApiKey.objects.in_name_of(leaver).visible_to(viewer).order_by("name")],
        "stop_url": f"{reverse('admin:accounts_account_changelist')}?{query}" if found.unread else "",
        "keys_url": reverse("admin:accounts_apikey_changelist")
        if viewer.has_perm("accounts.view_apikey")
        else "",
        "takes_asks": asks.may_ask(viewer),
        "jobs": list(jobs.job_titles(hanging.jobs).values()),
        "sessions": Session.objects.of_user(leaver.pk, timezone.now()).count(),
    }


def why_to_offboard_first(leaver: User, *, deleting: bool = False) -> str:
    """Return why somebody is not switched off or deleted on whom something depends, and what to do first; "" where nothing does."""
    number = Token.objects.of_person(leaver).serving().count()
    if number:
        return ngettext(
            "%(name)s has %(number)s log-in that still serves accounts. “Offboard” ends it, and says what stops.",
            "%(name)s has %(number)s log-ins that still serve accounts. “Offboard” ends them, and says what stops.",
            number,
        ) % {"name": leaver, "number": number}
    if (deleting and not leaver.is_active) or not _hangs(leaver, linked_only=deleting):
        return ""
    said = gettext("Something still depends on %(name)s. “Offboard” says what, and ends it or hands it over.")
    return said % {"name": leaver}


def _hangs(leaver: User, *, linked_only: bool) -> bool:
    """Return whether anything depends on somebody whose log-ins serve nothing.

    `linked_only`: a log-in that was never linked becomes nobody's.
    """
    log_ins = Token.objects.of_person(leaver)
    idle = log_ins.filter(pool_entries__isnull=False) if linked_only else log_ins
    return idle.exists() or any(vars(handing_over.read_hanging(leaver, timezone.now())).values())
