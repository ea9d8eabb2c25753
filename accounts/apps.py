"""The accounts app."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy


class AccountsConfig(AppConfig):
    """Ad accounts and their pools."""

    name = "accounts"
    verbose_name = gettext_lazy("Advertising")

    def ready(self) -> None:
        """Connect the one receiver of tokens' news, and refuse to start without it; and hear of people who are deleted."""
        from django.db.models.signals import post_delete, post_save, pre_delete

        from accounts import receivers
        from tokens.life.signals import tokens_changed
        from users.models import Membership, Team, User
        from users.signals import address_changed

        tokens_changed.connect(receivers.settle_changed, dispatch_uid="accounts.settle")
        if len(tokens_changed.receivers) != 1:
            raise ImproperlyConfigured("tokens_changed must have exactly one receiver: accounts.receivers.")
        pre_delete.connect(
            receivers.forget_person, sender="users.User", dispatch_uid="accounts.forget_person"
        )
        address_changed.connect(receivers.take_along, User, dispatch_uid="accounts.new_address")
        post_save.connect(receivers.settle_walls, Membership, dispatch_uid="accounts.walls")
        post_delete.connect(receivers.settle_walls, Membership, dispatch_uid="accounts.walls")
        post_save.connect(receivers.settle_walls, Team, dispatch_uid="accounts.walls")
        post_save.connect(receivers.end_calendars, User, dispatch_uid="accounts.calendars.services")
        receivers.register_messages()
