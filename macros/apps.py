"""The macros app."""

from django.apps import AppConfig


class MacrosConfig(AppConfig):
    """Rules, their evaluation, their mails."""

    name = "macros"
    verbose_name = "Tools and Settings"

    def ready(self) -> None:
        """Say how the messages of macros are built."""
        from macros import evaluation, mails, relevance
        from notifications import kinds

        kinds.register(evaluation.KIND, mails.build, ended=relevance.record_end, why=relevance.facts)
