"""The selfservice app."""

from django.apps import AppConfig


class SelfServiceConfig(AppConfig):
    """The pages of marketers."""

    name = "selfservice"
    verbose_name = "Self-service"
