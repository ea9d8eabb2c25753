"""LinkedIn's callback. Only tokens.urls mounts it: a log-in address does not exist."""

from django.urls import path

from tokens.channels.linkedin.provider import callback

callbacks = [path("linkedin/callback/", callback, name="linkedin_callback")]
