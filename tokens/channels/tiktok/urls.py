"""TikTok's callback. Only tokens.urls mounts it: a log-in address does not exist."""

from django.urls import path

from tokens.channels.tiktok.provider import callback

callbacks = [path("tiktok/callback/", callback, name="tiktok_callback")]
