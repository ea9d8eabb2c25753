"""Addresses of the stand-in LinkedIn, below /linkedin."""

from starlette.routing import Route

routes: list[Route] = []
