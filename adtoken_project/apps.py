"""The root as an app: it composes what the apps define."""

from django.apps import AppConfig


class AdTokenConfig(AppConfig):
    """The composed admin, management commands of the whole, system checks."""

    name = "adtoken_project"
    verbose_name = "AdToken"
