"""Addresses that people reach from their mails."""

from django.urls import path

from macros.mutes import views as mail_answers
from selfservice import views as messages

urlpatterns = [
    path("messages/<int:message_id>/why/", messages.why_message, name="why_message"),
    path("mails/<signed>/", mail_answers.answer, name="answer_mail"),
    path("mails/<signed>/stop/", mail_answers.stop, name="stop_mails"),
    path("profile/snooze/", mail_answers.snooze_my_mails, name="snooze_my_mails"),
]
