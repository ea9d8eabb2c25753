"""The notifications app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class NotificationsConfig(AppConfig):
    """The outbox."""

    name = "notifications"
    verbose_name = gettext_lazy("Tools and Settings")
