"""Addresses that people reach from their mails."""

from django.urls import path

from notifications import views

urlpatterns = [
    path("messages/<int:message_id>/why/", views.why_message, name="why_message"),
]
