"""Addresses of the stand-in TikTok, below /tiktok."""

from starlette.routing import Route

routes: list[Route] = []
