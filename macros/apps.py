"""The macros app."""

from django.apps import AppConfig


class MacrosConfig(AppConfig):
    """Rules, their evaluation, their mails."""

    name = "macros"
    verbose_name = "Tools and Settings"

    def ready(self) -> None:
        """Say how the messages of macros are built, and how far ahead they warn: renewals come before."""
        from macros import evaluation, mails, relevance, windows
        from notifications import kinds
        from tokens import renewal

        kinds.register(
            evaluation.KIND, mails.build, name="Macro", ended=relevance.record_end, why=relevance.facts
        )
        renewal.register_widest_warning(windows.widest)
