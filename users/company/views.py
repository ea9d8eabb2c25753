"""Leaving for the company's provider, coming back, and being asked again."""

import time
from collections.abc import Mapping
from typing import Any, cast

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.utils import get_next_redirect_url, perform_login
from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from infra.private_parts import record_authentication, take_state
from ui.phrases import phrase
from users.company import provider
from users.company.provider import (
    BROKEN,
    LEEWAY,
    LONGEST_CODE,
    CompanyPage,
    CompanyProvider,
    NotLoggedIn,
    Trouble,
)
from users.company.services import WORDS, person_for
from users.login.second_factor import COMPANY
from users.models import Invitation, LoginRecord, User
from users.sessions.models import Detail
from users.sessions.receivers import write_login_record

AGAIN = "again"  # in the state: asked for a log-in that is shown anew, when


def context(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001  # Django's interface
    """Tell every page what the company's log-in is called, "" for none, and whether it is the only one."""
    return {"company_log_in": provider.name(), "company_only": settings.OIDC_ONLY}


@require_POST
def log_in(request: HttpRequest) -> HttpResponse:
    """Leave for the provider. By POST with its token alone: no other site sends anybody there."""
    _demand_set_up()
    return leave(request, next_url=get_next_redirect_url(request) or "")


def leave(
    request: HttpRequest, *, next_url: str = "", invitation: Invitation | None = None, again: bool = False
) -> HttpResponse:
    """Show a page that leads on to the provider by itself. `next_url` is one of our addresses, `invitation` the one that was pressed.

    No redirect: browsers hold what a form leads to, and whatever that redirects to in turn, to the policy of the form's page.
    """
    if not ratelimit.consume(request, action="company_address"):
        return _not_logged_in(request, NotLoggedIn(Trouble.TOO_OFTEN))
    data = {"invitation": invitation.pk if invitation else None, AGAIN: time.time() if again else None}
    params = {"prompt": "login", "max_age": "0"} if again else {}
    try:
        gone = CompanyProvider(request).redirect(
            request, process="login", next_url=next_url or None, data=data, auth_params=params
        )
        to = str(gone["Location"])
    except NotLoggedIn as refusal:
        return _not_logged_in(request, refusal)
    except BROKEN as error:
        return _not_logged_in(request, provider.told(error))
    answer = _page(request, "leaving", {"label": _say("go_on"), "url": to}, icon="sync", status=200)
    answer["Refresh"] = f"0; url={to}"
    return answer


@never_cache
@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """Log in whom the provider sends back with an answer to a handshake of this browser: once, and to nobody else."""
    _demand_set_up()
    state = take_state(request, state_id=request.GET.get("state", ""), provider_id=COMPANY)
    if state is None and request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)  # "Back" in the browser, or a second click
    try:
        if state is None:
            raise NotLoggedIn(Trouble.LOST)
        return _answer(request, state)
    except NotLoggedIn as refusal:
        return _not_logged_in(request, refusal)
    except BROKEN as error:
        return _not_logged_in(request, provider.told(error))


@never_cache
@login_required
def again(request: HttpRequest) -> HttpResponse:
    """Ask a person who came by the company's log-in to show once more, there, who they are."""
    _demand_set_up()
    next_url = get_next_redirect_url(request) or ""
    if request.method == "POST":
        return leave(request, next_url=next_url, again=True)
    url = f"{reverse('company_again')}?{urlencode({'next': next_url})}"
    button = {"label": _say("log_in_with", company=provider.name()), "url": url, "post": True}
    return _page(request, "ask_again", button, icon="shield", status=200)


def _demand_set_up() -> None:
    if not settings.OIDC_URL:
        raise Http404


def _answer(request: HttpRequest, state: Mapping[str, Any]) -> HttpResponse:
    code, error = request.GET.get("code", ""), request.GET.get("error", "")
    if error or not code or len(code) > LONGEST_CODE:
        trouble = Trouble.CANCELLED if error == CompanyPage.login_cancelled_error else Trouble.SILENT
        raise NotLoggedIn(
            trouble, f"error {error}" if error.isidentifier() and len(error) < 60 else "no code"
        )
    identity = CompanyPage(request).ask_identity(code, state.get("pkce_code_verifier"))
    data, next_url = state["data"], state.get("next") or None
    if data[AGAIN]:
        return _shown_again(request, identity, data[AGAIN], next_url)
    user = person_for(identity, invitation_id=data["invitation"])
    account = get_account_adapter(request)
    if request.user.is_authenticated:
        account.logout(request)
    record_authentication(request, user, "socialaccount", provider=COMPANY)
    if not identity.factor:  # the library's stages ask for our own second factor, where there is one
        return cast("HttpResponse", perform_login(request, user, redirect_url=next_url))
    _record_factor(request, user, Detail.COMPANY)
    account.login(request, user)
    left: dict[str, Any] = {
        "email_verification": "none",
        "signal_kwargs": None,
        "email": None,
        "signup": False,
    }
    return cast("HttpResponse", account.post_login(request, user, redirect_url=next_url, **left))


def _shown_again(
    request: HttpRequest, identity: provider.Identity, since: float, next_url: str | None
) -> HttpResponse:
    """Note that the person of this session has just been asked, which the provider must say: the browser could have left that out."""
    user = request.user
    if not isinstance(user, User) or not identity.verified or user.email != identity.email:
        raise NotLoggedIn(Trouble.OTHER)
    if identity.shown_at < since - LEEWAY:
        raise NotLoggedIn(Trouble.NOT_ASKED)
    record_authentication(request, user, "socialaccount", provider=COMPANY, reauthenticated=True)
    if identity.factor:
        _record_factor(request, user, Detail.of_factor(COMPANY, again=True))
    return redirect(next_url or settings.LOGIN_REDIRECT_URL)


def _record_factor(request: HttpRequest, user: User, detail: str) -> None:
    record_authentication(request, user, "mfa", type=COMPANY)
    write_login_record(
        request=request, kind=LoginRecord.Kind.FACTOR, succeeded=True, user=user, detail=detail
    )


# Of the answer: what is missing is a right (403), or the provider (502), or nothing but another try (400).
_STATUS = {
    Trouble.SILENT: 502,
    Trouble.CLOCK: 502,
    Trouble.LOST: 400,
    Trouble.CANCELLED: 200,
    Trouble.NOT_ASKED: 400,
    Trouble.TOO_OFTEN: 429,
}


def _not_logged_in(request: HttpRequest, refusal: NotLoggedIn) -> HttpResponse:
    """Say what happened and what to do. The log gets the kind, and the record of log-ins whom it was about."""
    trouble = refusal.trouble
    provider.logger.warning("company log-in: %s %s", trouble, refusal.detail)
    if refusal.email:
        user = User.objects.filter(email=refusal.email).first()
        write_login_record(
            request=request, kind=LoginRecord.Kind.LOG_IN, succeeded=False, user=user, email=refusal.email,
            detail=Detail.COMPANY_REFUSED,
        )  # fmt: skip
    home = {"label": _say("home"), "url": resolve_url(settings.LOGIN_REDIRECT_URL)}
    back = {"label": _say("back"), "url": reverse("account_login")}
    button = home if request.user.is_authenticated else back
    return _page(request, trouble, button, status=_STATUS.get(trouble, 403), email=refusal.email or "–")


def _page(
    request: HttpRequest,
    what: str,
    button: Mapping[str, Any],
    *,
    status: int,
    icon: str = "warning",
    email: str = "",
) -> HttpResponse:
    facts = {"company": provider.name(), "email": email}
    context = {
        "heading": _say(what, **facts),
        "cause": _say(f"{what}_cause", **facts),
        "icon": icon,
        "tone": "mute" if status == 200 else "warn",
        "primary": button,
    }
    return render(request, "users/invitation_refused.html", context, status=status)


def _say(name: str, **facts: Any) -> str:
    return phrase(WORDS, name, **facts)
