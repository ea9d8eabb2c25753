"""Addresses of people outside /accounts/: profile and invitations."""

from django.urls import path

from users import views

urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("invitation/<signed>/", views.invitation, name="invitation"),
]
