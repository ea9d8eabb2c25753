"""Pinterest's callback. Only tokens.urls mounts it: a log-in address does not exist."""

from django.urls import path

from tokens.channels.pinterest.provider import callback

callbacks = [path("pinterest/callback/", callback, name="pinterest_callback")]
