"""Pages of people: profile, and answering an invitation."""

from functools import partial
from typing import Any

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from ui.phrases import phrase
from ui.text import join_names
from users.invitations import services as invitations
from users.invitations.services import InvitationRefusal, LinkRefused
from users.login import second_factor
from users.login.forms import AcceptForm, ProfileForm
from users.login.private_parts import record_authentication
from users.models import Invitation, LoginRecord, Session, User, person
from users.sessions import records as login_records
from users.sessions.models import Detail
from users.sessions.services import stored_key

LATEST_RECORDS = 10
MOST_SESSIONS = 50  # on the page, those used last
WELCOME = "welcome"  # in the address of the home page: who opens it has just accepted an invitation
say = partial(phrase, "words/invitations.txt")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and save name, time zone and appearance; link to password, second factor and sessions."""
    user = person(request)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        # Only these columns: an administrator may be changing the others right now.
        User.objects.filter(pk=user.pk).update(**form.cleaned_data)
        messages.success(request, gettext("Your profile is saved."))
        return redirect("profile")
    context = {"form": form, "has_factor": second_factor.has_factor(user)}
    if form.errors:
        user.refresh_from_db()  # the page's head must not show what was not saved
    return render(request, "users/profile.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Show where the person is logged in, or log them out of one other browser or of all others (POST)."""
    user, now = person(request), timezone.now()
    here = stored_key(str(request.session.session_key))
    if request.method == "POST":
        _end_others(request, user, here)
        return redirect("sessions")
    alive = Session.objects.of_user(user.pk, now)
    others = list(alive.exclude(pk=here).order_by("-seen_at")[:MOST_SESSIONS])
    context = {
        "sessions": [*alive.filter(pk=here), *others],  # this one first
        "others": len(others),
        "unshown": alive.exclude(pk=here).count() - len(others),
        "here": here,
        "records": LoginRecord.objects.filter(user=user)[:LATEST_RECORDS],
    }
    return render(request, "users/sessions.html", context)


@transaction.atomic
def _end_others(request: HttpRequest, user: User, here: str) -> None:
    """End the session that the form names, or all but this one where it names none."""
    others = Session.objects.filter(user=user).exclude(pk=here)
    handle = request.POST.get("session")
    gone = others.called(handle).first() if handle else None
    ended, _ = (others if not handle else others.called(handle)).delete()
    if not ended:
        messages.info(request, gettext("That browser is logged out already."))
        return
    detail = Detail.ENDED_ELSEWHERE if handle else Detail.ENDED_EVERYWHERE_ELSE
    login_records.write(
        request=request, kind=LoginRecord.Kind.LOG_OUT, succeeded=True, user=user, detail=detail
    )
    if gone is None:
        messages.success(request, gettext("You are logged out everywhere else."))
    else:
        browser = gone.browser_name or gettext("Unknown browser")
        messages.success(request, gettext("Logged out: %(browser)s.") % {"browser": browser})


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
        if known:
            facts = {"invitation": invited, "known": known, "team": join_names(invitations.teams_of(invited))}
            return render(request, "users/invitation_login.html", facts)
        return _accept(request, invited)
    except LinkRefused as refused:
        return _refused(request, refused)


def _accept(request: HttpRequest, invited: Invitation) -> HttpResponse:
    form = AcceptForm(
        request.POST or None, user=User(email=invited.email), initial={"name": invited.name}
    )  # the person is made only when the form is right
    if request.method != "POST" or not form.is_valid():
        teams = invitations.teams_of(invited)
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
    team = join_names(invitations.teams_of(invited))
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
