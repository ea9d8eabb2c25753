"""Addresses that readers of warnings reach from their mails."""

from django.urls import path

from selfservice import warning_mails

urlpatterns = [
    path("mails/<signed>/stop/", warning_mails.stop, name="stop_mails"),
    path("mails/<signed>/start-again/", warning_mails.start_again, name="start_mails_again"),
    path("mails/<signed>/not-mine/", warning_mails.say_not_mine, name="not_mine"),
]
