"""X's callback. Only tokens.urls mounts it: a log-in address does not exist."""

from django.urls import path

from tokens.channels.x.provider import callback

callbacks = [path("x/callback/", callback, name="x_callback")]
