"""Addresses below /accounts/: log-in, password, second factor, sessions, from allauth."""

from allauth.socialaccount.views import login_cancelled, login_error
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from users import views

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

urlpatterns: list[URLPattern | URLResolver] = [
    # The e-mail is the login: with a second address a stolen session could reset the password.
    path("email/", RedirectView.as_view(pattern_name="profile"), name="account_email"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", views.sessions, name="sessions"),
    path("3rdparty/", include(_CHANNEL_PAGES)),
    path("", include("allauth.account.urls")),
]
