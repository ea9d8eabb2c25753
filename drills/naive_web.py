"""The web server as it was: without breaker and shares. For the control of drills/dark_channel.py."""

from adtoken_project.asgi import application
from tokens.channels import breaker, shares

shares.limit(None)
breaker.TRIPS_AFTER = 10**9

__all__ = ["application"]
