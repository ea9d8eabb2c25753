"""Addresses below /accounts/: log-in, password, second factor, sessions, from allauth."""

from allauth.socialaccount.views import login_cancelled, login_error
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path, reverse_lazy
from django.views.generic import RedirectView

from users.login import views

# allauth's own pages for log-in by a channel are never mounted: a channel is no way in. Its code reverses these four
# names; the first two show what happened at the channel, the others lead to our own pages.
_CHANNEL_PAGES: list[URLPattern | URLResolver] = [
    path("login/cancelled/", login_cancelled, name="socialaccount_login_cancelled"),
    path("login/error/", login_error, name="socialaccount_login_error"),
    path("signup/", RedirectView.as_view(pattern_name="account_login"), name="socialaccount_signup"),
    path(
        "", RedirectView.as_view(pattern_name=settings.LOGIN_REDIRECT_URL), name="socialaccount_connections"
    ),
]

_TO_PROFILE = RedirectView.as_view(url=reverse_lazy("profile"))

urlpatterns: list[URLPattern | URLResolver] = [
    # The e-mail is the login: with a second address a stolen session could reset the password.
    path("email/", _TO_PROFILE, name="account_email"),
    # Whoever has accepted an invitation has confirmed the address.
    path("confirm-email/", _TO_PROFILE, name="account_email_verification_sent"),
    path("confirm-email/<str:key>/", _TO_PROFILE, name="account_confirm_email"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", views.sessions, name="sessions"),
    path("3rdparty/", include(_CHANNEL_PAGES)),
    path("", include("allauth.account.urls")),
]
