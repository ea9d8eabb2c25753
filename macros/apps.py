"""The macros app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MacrosConfig(AppConfig):
    """Rules, their evaluation, their mails."""

    name = "macros"
    verbose_name = _("Tools and Settings")

    def ready(self) -> None:
        """Have each package say what it adds."""
        from macros.mutes import mails as said
        from macros.mutes import receivers
        from macros.notices import history
        from macros.rules import jobs, services
        from macros.warnings import mails as warnings
        from macros.webhooks import mails as webhooks

        for package in (services, jobs, history, said, receivers, warnings, webhooks):
            package.register()
