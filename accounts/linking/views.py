"""The self-service pages of linking: choose a channel, go native, come back, choose accounts, done. No GET changes anything."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.asks import inviting
from accounts.checks import jobs as checking
from accounts.linking import choosing, errors, handshakes, overview
from accounts.linking import services as linking
from accounts.linking.choosing import Candidate, LinkEffect
from accounts.linking.models import MOST_DONE
from accounts.models import Account, AskLine, PendingLink
from accounts.pool.errors import ActionRefused
from portal import access
from portal.forms import SystemUserForm
from tokens.channels import declarations, registry
from tokens.channels.kinds import LIFTABLE, NativeAccount
from tokens.models import Token
from ui import progress
from ui.addresses import id_of, ids_of
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import first_name, hidden_name, join_names, restriction_said
from users.models import User, person
from users.people.queries import names_for

say = partial(phrase, "words/linking.txt")
ASKED_SHOWN = 10  # accounts that the person is asked to link, on the page before the channel
TONES = {LinkEffect.RESTRICTED: "limit", LinkEffect.REPAIR: "warn"}
PERMISSION = "tokens.add_system_user"


@login_required
@require_GET
def add_account(request: HttpRequest) -> HttpResponse:
    """Choose the channel for which an ad account is added."""
    context = {
        **access.frame_for_both(request, overview.TITLE),
        "channels": overview.channel_rows(person(request)),
    }
    return access.render_for_both(request, "selfservice/link/channels.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, channel: str) -> HttpResponse:
    """Ask before leaving for the channel (GET), then go there (POST)."""
    if channel not in declarations.channel_keys():
        return render(request, "404.html", status=404)
    if (refused := errors.cannot_link(request, channel)) is not None:
        return refused
    account = _target(request, channel)
    if request.method == "POST":
        again = bool(request.POST.get("again"))
        return handshakes.start_handshake(request, channel, account=account, again=again)
    asked = [] if account else _asked(person(request), channel)
    context = {
        **access.frame_for_both(request, overview.TITLE, about=account),
        "channel": registry.get(channel),
        "account": account,
        "asked": [one.name for one in asked],
        "asked_note": asked[0].ask.note if asked else "",
        "asked_by": asked[0].ask.made_by if asked else None,
    }
    return access.render_for_both(request, "selfservice/link/confirm.html", context)


def _asked(user: User, channel: str) -> list[AskLine]:
    """Return which accounts of a channel the person is asked to link, the latest asks first."""
    found = AskLine.objects.to_link(user, timezone.now()).filter(account__channel=channel)
    return list(found.order_by("-ask__created_at", "account__name")[:ASKED_SHOWN])


def _target(request: HttpRequest, channel: str) -> Account | None:
    chosen = (request.POST if request.method == "POST" else request.GET).get("account")
    if not chosen:
        return None
    visible = Account.objects.visible_to(person(request))
    found: Account = get_object_or_404(visible, pk=id_of(chosen), channel=channel)
    return found


@login_required
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, pending_id: uuid.UUID) -> HttpResponse:
    """Show what the channel offered (GET), link what was ticked (POST)."""
    pending = _pending(request, pending_id)
    if pending is None:
        return _gone(request, pending_id)
    if request.method == "GET":
        return _choose_page(request, pending)
    ticked = request.POST.getlist("native_id")
    if not ticked:
        return _choose_page(request, pending, error=say("none_ticked"), status=400)
    try:
        accounts = choosing.save_choice(
            pending_id=pending_id,
            user=person(request),
            native_ids=ticked,
            now=timezone.now(),
            team_id=id_of(request.POST["team"]) if "team" in request.POST else None,
        )
    except choosing.Ended:
        return _show_gone(request, ended=pending.token)
    except choosing.Gone:
        return _gone(request, pending_id)
    except choosing.NotYourTeam:
        return _choose_page(request, pending, error=say("not_your_team"), ticked=set(ticked), status=400)
    except choosing.NotOffered as error:
        text = say("not_offered", channel=pending.token.app.get_channel_display(), native_id=str(error))
        return _choose_page(request, pending, error=text, ticked=set(ticked), status=400)
    url = pending.url_when_done([account.pk for account in accounts])
    request.session[f"linked {pending_id}"] = (
        url  # so that "Back" in the browser does not say that it took too long
    )
    return redirect(url)


def _pending(request: HttpRequest, pending_id: uuid.UUID) -> PendingLink | None:
    """Return the person's own list that waits to be chosen from, if it still does."""
    mine = PendingLink.objects.select_related("token__app", "account").filter(user=person(request))
    return mine.filter(pk=pending_id).first()


def _choose_page(
    request: HttpRequest,
    pending: PendingLink,
    *,
    error: str = "",
    ticked: set[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    native = registry.get(pending.token.app.channel)
    rows = offered_rows(pending, person(request))
    if ticked is not None or error:
        rows = [replace(row, checked=row.native.native_id in (ticked or set())) for row in rows]
    missing = pending.token.missing_scopes
    context: dict[str, Any] = {
        **access.frame_for_both(request, overview.TITLE, about=pending.account),
        "pending": pending,
        "channel": native,
        "rows": rows,
        "open_rows": sum(not row.disabled for row in rows),
        "checked": sum(row.checked for row in rows),
        "missing": missing,
        "granted": len(native.scopes) - len(missing),
        "no_longer": choosing.accounts_lost(pending),
        "other_identity": pending.expected_instead,
        "dropped": pending.dropped_account,
        "teams": choosing.teams_to_choose_from(pending, person(request)),
        "team_chosen": id_of(request.POST.get("team", "")),
        "error": error,
    }
    return access.render_for_both(request, "selfservice/link/choose.html", context, status=status)


def _gone(request: HttpRequest, pending_id: uuid.UUID) -> HttpResponse:
    """Lead on from a choice that was made already, else say that the list is gone."""
    if done := request.session.get(f"linked {pending_id}"):
        return redirect(done)
    return _show_gone(request)


def _show_gone(request: HttpRequest, ended: Token | None = None) -> HttpResponse:
    context = {**access.frame_for_both(request, overview.TITLE), "ended": ended}
    return access.render_for_both(request, "selfservice/link/gone.html", context, status=410)


@login_required
@require_GET
def linked(request: HttpRequest) -> HttpResponse:
    """Say what is linked now, and where a backup is missing."""
    ids = ids_of(",".join(request.GET.getlist("account")).split(",")[:MOST_DONE])
    user = person(request)
    accounts = Account.objects.visible_to(user).filter(pk__in=ids)
    now = timezone.now()
    rows = overview.linked_rows(accounts, user, now)
    if not rows:  # an address with somebody else's accounts, or with none
        return redirect("my_accounts")
    alone = [row for row in rows if row.no_backup]
    invitable = inviting.invitable_accounts(user, [row.account for row in alone])
    asked = ",".join(str(row.account.pk) for row in alone if row.account.pk in invitable)
    context = {
        **access.frame_for_both(request, overview.TITLE),
        "rows": rows,
        "now": now,
        "without_backup": alone,
        "invite_url": f"{reverse('invite_backup')}?account={asked}" if asked else "",
        "again": bool(request.GET.get("again")),
        "names": join_names([row.account.name for row in rows]),
    }
    return access.render_for_both(request, "selfservice/link/linked.html", context)


def _for_somebody_else(request: HttpRequest) -> HttpResponse:
    """Answer a forwarded link. It says the same of an account that there is not, so that nobody learns which there are."""
    log_out = f"{reverse('account_logout')}?{urlencode({'next': request.path})}"
    return render(request, "selfservice/link/for_somebody_else.html", {"log_out": log_out}, status=404)


@login_required
@require_http_methods(["GET", "POST"])
def reauthenticate(request: HttpRequest, account_id: int) -> HttpResponse:
    """The page that a mailed link opens: what happened, what still works, what happens next. Only its POST does anything."""
    account = Account.objects.visible_to(person(request)).filter(pk=account_id).select_related("team").first()
    if account is None:
        return _for_somebody_else(request)
    if (refused := errors.cannot_link(request, account.channel)) is not None:
        return refused
    if request.method == "POST":
        return handshakes.start_handshake(request, account.channel, account=account, again=True)
    context = overview.facts_of_reauthentication(account, person(request), timezone.now())
    return render(request, "selfservice/link/reauthenticate.html", context)


@login_required
@require_POST
def check_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Have the channel asked about this account, as somebody who is told "Check now" presses it. The page shows what comes of it.

    Writes that the channel refused count no more of the person's own log-ins; what others have to put right, they say themselves. A log-in
    of the person's that only an appeal brings back is asked about too: nobody else knows that the channel lifted it. 403 for auditors.
    """
    if person(request).only_looks:
        raise PermissionDenied
    account = get_object_or_404(Account.objects.visible_to(person(request)), pk=account_id)
    lifted = Q(state=Token.State.DEAD, consented_by=person(request), reason__in=LIFTABLE)
    living = Token.objects.filter(~Q(state=Token.State.DEAD) | lifted, pool_entries__account=account)
    page, label = reverse("my_account", args=[account.pk]), account.get_channel_display()
    ids, now = list(living.values_list("pk", flat=True)), timezone.now()
    mine = list(living.filter(consented_by=person(request)).values_list("pk", flat=True))
    if not checking.ask_to_check(token_ids=ids, now=now, writes_in=[account.pk], writes_of=mine):
        messages.warning(request, say("nobody_to_ask", channel=label))
        return redirect(page)
    return redirect(progress.address(page, ids, now))


# --- what the page says of each offered ad account ---------------------------------------------------------------------------


@dataclass(frozen=True)
class OfferedRow:
    """One ad account on the page."""

    native: NativeAccount
    note: str
    tone: str  # "" (plain), "warn", "limit"
    checked: bool
    disabled: bool
    goes_to: str  # the team that a new account goes to by its business at the channel; "": the one that is proposed


def offered_rows(pending: PendingLink, user: User) -> list[OfferedRow]:
    """Return one row per offered ad account, with who is in it already and what is ticked beforehand."""
    label, names = registry.get(pending.token.app.channel).label, names_for(user)
    return [_offered_row(one, user, names, label) for one in choosing.offered_candidates(pending, user)]


def _offered_row(one: Candidate, user: User, names: NameVisibility, label: str) -> OfferedRow:
    facts = {
        "standing": one.standing,
        "channel": label,
        "restriction": restriction_said(one.native.restriction or ""),
        "who": join_names(_names_of_others(one, user, names)),
    }
    return OfferedRow(
        native=one.native,
        note=render_to_string("selfservice/link/_note.html", facts).strip(),
        tone=TONES.get(one.standing, ""),
        checked=one.ticked,
        disabled=not one.is_open,
        goes_to=one.goes_to.name if one.goes_to else "",
    )


def _names_of_others(one: Candidate, user: User, names: NameVisibility) -> Sequence[str]:
    """Return whose the other log-ins are, each name once, as a colleague knows them."""
    if one.account is None:
        return []
    if one.standing == LinkEffect.REPAIR:
        found = (first_name(names.within(token, one.account)) for token in one.others)
    else:
        found = (_carrier(token, one.account, user, names) for token in one.others)
    return list(dict.fromkeys(found))


def _carrier(token: Token, account: Account, user: User, names: NameVisibility) -> str:
    if not names.sees_token(token, account):
        return hidden_name()
    person = token.consented_by
    return person.get_short_name() if person and person.pk != user.pk else token.native_user_name


# --- a system user's token: pasted by staff with their own permission, looked at before it is kept ---------------------------


@never_cache
@sensitive_post_parameters("access_token")
def add_system_user(request: HttpRequest) -> HttpResponse:
    """Ask for app, team and token (GET); take the token in and lead to the choice of ad accounts (POST)."""
    access.require(request, PERMISSION)
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    form = SystemUserForm(request.POST if request.method == "POST" else None, viewer=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            pending = linking.take_system_user(**form.cleaned_data, actor=person(request), now=timezone.now())
        except ActionRefused as refusal:
            form.add_error("access_token", str(refusal))
        else:
            return HttpResponseRedirect(reverse("link_choose", args=[pending.pk]))
    context = {
        **access.frame_of(Token)(request),
        "title": gettext("Add a system user"),
        "form": form,
        "back": reverse("admin:tokens_token_changelist"),
    }
    return TemplateResponse(request, "portal/system_user.html", context)
