"""The ui app."""

from django.apps import AppConfig
from django.db.models import CharField

from ui.lookups import Holds


class UiConfig(AppConfig):
    """Template tags, static files, and the presentation kit that all pages and mails use."""

    name = "ui"
    verbose_name = "Presentation"

    def ready(self) -> None:
        """Make lookups known."""
        CharField.register_lookup(Holds)
