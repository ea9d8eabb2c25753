"""Addresses that readers of warnings reach from their mails."""

from django.urls import path

from selfservice import quiet_mails, warning_mails

urlpatterns = [
    path("mails/<signed>/stop/", quiet_mails.stop, name="stop_mails"),
    path("mails/<signed>/not-mine/", warning_mails.say_not_mine, name="not_mine"),
    path("mails/<signed>/on-it/", quiet_mails.say_on_it, name="on_it"),
    path("mails/<signed>/snooze/", quiet_mails.snooze, name="snooze_mails"),
    path("mails/<signed>/mail-again/", quiet_mails.mail_again, name="end_snooze"),
    path("profile/snooze/", quiet_mails.mine, name="snooze_my_mails"),
]
