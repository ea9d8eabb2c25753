"""The macros app."""

from django.apps import AppConfig


class MacrosConfig(AppConfig):
    """Rules, their evaluation, their mails."""

    name = "macros"
    verbose_name = "Tools and Settings"
