"""The notifications app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class NotificationsConfig(AppConfig):
    """The outbox."""

    name = "notifications"
    verbose_name = gettext_lazy("Tools and Settings")

    def ready(self) -> None:
        """Say how the mails are built that tell of mails, receive what mail services report, and hear of new addresses."""
        from django.db.models.signals import post_delete

        from notifications import (
            new_address,
            service_reports,
            unarrived_mails,
        )
        from users.models import User
        from users.signals import address_changed

        service_reports.register()
        unarrived_mails.register()
        address_changed.connect(new_address.take_along, User, dispatch_uid="notifications.new_address")
        post_delete.connect(new_address.drop_of_deleted, User, dispatch_uid="notifications.deleted")
