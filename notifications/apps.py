"""The notifications app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class NotificationsConfig(AppConfig):
    """The outbox."""

    name = "notifications"
    verbose_name = gettext_lazy("Tools and Settings")

    def ready(self) -> None:
        """Register the mails of this app, receive what mail services report, hear of new addresses, and know the task that delivers."""
        from django.db.models.signals import post_delete

        from notifications.delivery import receivers, tasks  # noqa: F401  # workers find it here
        from notifications.mails import register_mails
        from users.models import User
        from users.signals import address_changed

        receivers.register_reports()
        register_mails()
        address_changed.connect(receivers.take_mails_along, User, dispatch_uid="notifications.new_address")
        post_delete.connect(receivers.cancel_of_deleted, User, dispatch_uid="notifications.deleted")
