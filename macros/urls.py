"""Addresses that readers of warnings reach from their mails."""

from django.urls import path

from macros import views

urlpatterns = [
    path("mails/<signed>/stop/", views.stop, name="stop_mails"),
    path("mails/<signed>/start-again/", views.start_again, name="start_mails_again"),
    path("mails/<signed>/not-mine/", views.say_not_mine, name="not_mine"),
]
