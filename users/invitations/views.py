"""Answering an invitation: the pages of its mailed link."""

from functools import partial
from typing import Any

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from infra.private_parts import record_authentication
from ui.phrases import phrase
from ui.text import join_names
from users.company import views as company
from users.invitations import services as invitations
from users.invitations.services import InvitationRefusal, LinkRefused
from users.login.forms import AcceptForm
from users.models import Invitation, User, person

WELCOME = "welcome"  # in the address of the home page: who opens it has just accepted an invitation
say = partial(phrase, "words/invitations.txt")


@never_cache
@sensitive_post_parameters("password1", "password2")
@sensitive_variables("signed")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, signed: str) -> HttpResponse:
    """Show who invites (GET, which changes nothing: mail scanners follow links), or take the answer (POST)."""
    now = timezone.now()
    try:
        invited = invitations.open_link(signed=signed, now=now)
        if request.user.is_authenticated and person(request).email != invited.email:
            return _for_somebody_else(request, invited)
        if request.user.is_authenticated:
            return _join(request, invited)
        known = User.objects.filter(email=invited.email).exclude(is_contact=True, is_active=True).first()
        if known and not known.is_active:
            return _refused(request, LinkRefused(InvitationRefusal.ENDED, invited))
        if (
            request.method == "POST"
            and settings.OIDC_URL
            and (settings.OIDC_ONLY or "company" in request.POST)
        ):
            return company.leave(request, next_url=_welcome(), invitation=invited)
        if known:
            facts = {"invitation": invited, "known": known, "team": join_names(invited.team_names)}
            return render(request, "users/invitation_login.html", facts)
        return _accept(request, invited)
    except LinkRefused as refused:
        return _refused(request, refused)


def _accept(request: HttpRequest, invited: Invitation) -> HttpResponse:
    form = AcceptForm(
        request.POST or None, user=User(email=invited.email), initial={"name": invited.name}
    )  # the person is made only when the form is right
    if request.method != "POST" or not form.is_valid():
        teams = invited.team_names
        facts = {"invitation": invited, "form": form, "team": join_names(teams), "teams": len(teams)}
        return render(request, "users/invitation.html", facts)
    user = invitations.accept(
        invitation=invited,
        name=form.cleaned_data["name"],
        password=form.cleaned_data["password1"],
        now=timezone.now(),
    )
    # They have typed the password just now, so enrolling a second factor need not ask for it again.
    record_authentication(request, user, method="password", email=user.email, reauthenticated=True)
    answer: HttpResponse = perform_login(request, user, redirect_url=_welcome())
    return answer


def _join(request: HttpRequest, invited: Invitation) -> HttpResponse:
    team = join_names(invited.team_names)
    if request.method != "POST":
        return render(request, "users/invitation_join.html", {"invitation": invited, "team": team})
    invitations.join(invitation=invited, user=person(request), now=timezone.now())
    messages.success(request, say("joined", team=team))
    return redirect(_welcome())


def _welcome() -> str:
    """Return where somebody goes who has just come in: home, which leads on to what they were asked to link."""
    return f"{resolve_url(settings.LOGIN_REDIRECT_URL)}?{WELCOME}=1"


def _for_somebody_else(request: HttpRequest, invited: Invitation) -> HttpResponse:
    name = invited.name or invited.email
    context = {
        "heading": say("somebody_else", person=name),
        "cause": say("somebody_else_cause", user=str(request.user)),
        "safe": say("somebody_else_safe"),
        "icon": "person",
        "primary": {
            "label": say("log_in_as", person=name),
            "url": f"{reverse('account_logout')}?{urlencode({'next': request.path})}",
            "post": True,
        },
        "second": {"label": say("my_accounts"), "url": resolve_url(settings.LOGIN_REDIRECT_URL)},
    }
    return render(request, "users/invitation_refused.html", context, status=403)


_STATUS = {InvitationRefusal.USED: 410, InvitationRefusal.ENDED: 410, InvitationRefusal.UNKNOWN: 404}


def _refused(request: HttpRequest, refused: LinkRefused) -> HttpResponse:
    inviter = refused.invitation.invited_by if refused.invitation else None
    home = {"label": say("my_accounts"), "url": resolve_url(settings.LOGIN_REDIRECT_URL)}
    login = (
        home if request.user.is_authenticated else {"label": say("log_in"), "url": reverse("account_login")}
    )
    ask = inviter and inviter.is_active and {
        "label": say("ask_for_new", person=str(inviter)),
        "url": f"mailto:{inviter.email}?{urlencode({'subject': say('ask_subject')})}".replace("+", "%20"),
    }  # fmt: skip
    why = refused.reason.value
    context: dict[str, Any] = {
        "heading": say(why),
        "cause": say(f"{why}_cause", days=settings.INVITATION_DAYS),
        "safe": say(f"{why}_safe"),
        "icon": "schedule",
    }
    context |= {"primary": ask, "second": login} if ask else {"primary": login}
    return render(request, "users/invitation_refused.html", context, status=_STATUS[refused.reason])
