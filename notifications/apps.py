"""The notifications app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class NotificationsConfig(AppConfig):
    """The outbox."""

    name = "notifications"
    verbose_name = gettext_lazy("Tools and Settings")

    def ready(self) -> None:
        """Say how the mails are built that tell of mails, and receive what mail services report."""
        from notifications import digests, mailbox_mail, parked_mail, service_reports, unarrived_mails

        digests.register()
        parked_mail.register()
        mailbox_mail.register()
        service_reports.register()
        unarrived_mails.register()
