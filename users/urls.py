"""Addresses of people outside /accounts/: profile and invitations."""

from django.urls import path

from users.invitations.views import invitation
from users.login.views import profile

urlpatterns = [
    path("profile/", profile, name="profile"),
    path("invitation/<signed>/", invitation, name="invitation"),
]
