"""Addresses of the stand-in Pinterest, below /pinterest."""

from starlette.routing import Route

routes: list[Route] = []
