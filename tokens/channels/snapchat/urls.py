"""Snapchat's callback. Only tokens.urls mounts it: a log-in address does not exist."""

from django.urls import path

from tokens.channels.snapchat.provider import callback

callbacks = [path("snapchat/callback/", callback, name="snapchat_callback")]
