"""The root of AdToken: settings, addresses, the composed admin and API. Nothing imports it."""

from adtoken_project.celery import app as celery_app

__all__ = ["celery_app"]
