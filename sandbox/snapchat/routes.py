"""Addresses of the stand-in Snapchat, below /snapchat."""

from starlette.routing import Route

routes: list[Route] = []
