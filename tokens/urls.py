"""The channels' callbacks, mounted under /link/. No log-in view of allauth is mounted."""

from django.urls import path

from tokens.channels.registry import CHANNELS
from tokens.provider import callback_of

urlpatterns = [
    path(f"{key}/callback/", callback_of(channel), name=f"{key}_callback")
    for key, channel in CHANNELS.items()
]
