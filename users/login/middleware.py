"""No page is cached; sessions of staff end; staff need a second factor before they reach the admin portal; pages speak the
viewer's language and show times in the viewer's zone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext

from users.login import second_factor
from users.models import Session, person
from users.people import languages
from users.sessions.services import SEEN_EVERY

View = Callable[[HttpRequest], HttpResponse]

ASKED_AGAIN_AFTER = timedelta(minutes=15)
# Pages of the portal, by the beginning of their names: API keys, channel apps, people.
GUARDED = (
    "accounts_apikey_",
    "tokens_channelapp_",
    "users_user_",
    "users_team_",
    "users_invitation_",
    "auth_group_",
)


class Middleware:
    """What each of these knows: the next one."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response


class PrivatePagesMiddleware(Middleware):
    """Keeps every answer out of search engines and caches, the browser's own too, which it empties at log-out; none may use a device.

    Pages show people, accounts, the seed of a second factor. Static files are answered further out and stay cacheable.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with no-store, unless the view has said so itself, or that its answer is public."""
        response = self.get_response(request)
        said = {one.strip() for one in response.get("Cache-Control", "").split(",")}
        if not {"no-store", "public"} & said:
            response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex, nofollow"
        response["Permissions-Policy"] = "camera=(), display-capture=(), geolocation=(), microphone=()"
        if request.method == "POST" and request.path == reverse("account_logout"):
            response["Clear-Site-Data"] = '"cache"'
        return response


class SessionLimitsMiddleware(Middleware):
    """Ends the session of somebody of staff that is too old or was not used for too long, and notes when a session is used.

    Without a session's cookie it does nothing, not even ask who visits.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; a session that has ended is none, so a page that needs a log-in leads to it."""
        if request.session.session_key and request.user.is_authenticated:
            self._look_at(request, timezone.now())
        return self.get_response(request)

    def _look_at(self, request: HttpRequest, now: datetime) -> None:
        row: Session | None = getattr(request.session, "row", None)
        if row is None:
            return
        if person(request).is_staff and row.has_ended_for_staff(now):
            logout(request)
            messages.info(request, gettext("Your session has ended. Log in again."))
        elif row.seen_at <= now - SEEN_EVERY:
            Session.objects.filter(pk=row.pk).update(seen_at=now)


class SecondFactorMiddleware(Middleware):
    """Sends staff who have not shown a second factor in this session away from the admin portal.

    It runs on every request, because a session made without allauth's login stages would skip them. The pages where
    one enrols or shows it lie outside the portal.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or redirect to enrolment or to the second factor's prompt."""
        if not request.path.startswith(reverse("admin:index")):
            return self.get_response(request)
        user = request.user
        if not user.is_authenticated or not user.is_staff or second_factor.suffices(request):
            return self.get_response(request)
        if not second_factor.has_factor(user):
            return redirect("mfa_index")  # the page says why
        # A POST cannot be repeated by a redirect, so people come back to the portal's start.
        target = request.get_full_path() if request.method == "GET" else reverse("admin:index")
        return redirect(f"{second_factor.page_that_asks(request)}?{urlencode({'next': target})}")

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Ask for the factor again before keys, channel apps and people are looked into or changed; lists are free.

        A page that was opened in time may be sent for as long again, so that nothing typed is lost.
        """
        if not settings.STAFF_SECOND_FACTOR or not _is_guarded(request):
            return None
        within = ASKED_AGAIN_AFTER * (2 if request.method == "POST" else 1)
        if second_factor.shown_lately(request, within=within, now=timezone.now()):
            return None
        target = request.path if request.method == "POST" else request.get_full_path()
        return redirect(f"{second_factor.page_that_asks(request)}?{urlencode({'next': target})}")


def _is_guarded(request: HttpRequest) -> bool:
    match = request.resolver_match
    if match is None or match.namespace != "admin" or not (match.url_name or "").startswith(GUARDED):
        return False
    return request.method == "POST" or not str(match.url_name).endswith("_changelist")


class LanguageMiddleware(Middleware):
    """Speaks the visitor's language. It comes before all that says something, and leaves the thread as it found it."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer in it."""
        with languages.spoken(languages.of_visitor(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", get_language())
            return response


class TimeZoneMiddleware(Middleware):
    """Activates the viewer's time zone, else the project's."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the viewer's zone active."""
        with timezone.override(getattr(request.user, "zone", None)):
            return self.get_response(request)
