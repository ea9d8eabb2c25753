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

        from notifications.delivery import new_address, service_reports, tasks  # noqa: F401  # workers find it here
        from notifications.mails import invitation_mails, login_mails, unarrived_mails
        from users.models import User
        from users.signals import address_changed

        service_reports.register()
        for mail in (unarrived_mails, invitation_mails, login_mails):
            mail.register()
        address_changed.connect(new_address.take_along, User, dispatch_uid="notifications.new_address")
        post_delete.connect(new_address.drop_of_deleted, User, dispatch_uid="notifications.deleted")
