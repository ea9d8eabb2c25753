"""Facebook's callback. Only tokens.urls mounts it: a log-in address does not exist."""

from django.urls import path

from tokens.channels.facebook.provider import callback

callbacks = [path("facebook/callback/", callback, name="facebook_callback")]
