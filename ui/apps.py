"""The ui app."""

from django.apps import AppConfig
from django.db.models import BigAutoField, CharField, ForeignKey

from ui.lookups import AnyOf, Holds


class UiConfig(AppConfig):
    """Template tags, static files, and the presentation kit that all pages and mails use."""

    name = "ui"
    verbose_name = "Presentation"

    def ready(self) -> None:
        """Make lookups known."""
        CharField.register_lookup(Holds)
        BigAutoField.register_lookup(AnyOf)
        ForeignKey.register_lookup(AnyOf)
