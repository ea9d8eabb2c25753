"""Staff need a second factor before they reach the admin portal; pages show times in the viewer's zone."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from users import second_factor

View = Callable[[HttpRequest], HttpResponse]


class SecondFactorMiddleware:
    """Sends staff who have not shown a second factor in this session away from the admin portal.

    It runs on every request, because a session made without allauth's login stages would skip them. The pages where
    one enrols or shows it lie outside the portal.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

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
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': target})}")


class TimeZoneMiddleware:
    """Activates the viewer's time zone, else the project's."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the viewer's zone active."""
        with timezone.override(getattr(request.user, "zone", None)):
            return self.get_response(request)
