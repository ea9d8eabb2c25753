"""Addresses of the stand-in X, below /x."""

from starlette.routing import Route

routes: list[Route] = []
