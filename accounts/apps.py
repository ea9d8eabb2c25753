"""The accounts app."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class AccountsConfig(AppConfig):
    """Ad accounts and their pools."""

    name = "accounts"
    verbose_name = "Advertising"

    def ready(self) -> None:
        """Connect the one receiver of tokens' news, and refuse to start without it; and hear of people who are deleted."""
        from django.db.models.signals import pre_delete

        from accounts import receivers
        from tokens.signals import tokens_changed

        tokens_changed.connect(receivers.settle_changed, dispatch_uid="accounts.settle")
        if len(tokens_changed.receivers) != 1:
            raise ImproperlyConfigured("tokens_changed must have exactly one receiver: accounts.receivers.")
        pre_delete.connect(
            receivers.forget_person, sender="users.User", dispatch_uid="accounts.forget_person"
        )
        receivers.register_messages()
