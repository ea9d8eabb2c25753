"""Addresses that people reach from their mails."""

from django.urls import path

from selfservice import messages

urlpatterns = [
    path("messages/<int:message_id>/why/", messages.why_message, name="why_message"),
]
