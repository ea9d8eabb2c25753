"""The ui app."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Template tags, static files, and the presentation kit that all pages and mails use."""

    name = "ui"
    verbose_name = "Presentation"
