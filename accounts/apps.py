"""The accounts app."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class AccountsConfig(AppConfig):
    """Ad accounts and their pools."""

    name = "accounts"
    verbose_name = "Advertising"

    def ready(self) -> None:
        """Connect the one receiver of tokens' news, and refuse to start without it."""
        from accounts import receivers
        from tokens.signals import tokens_changed

        tokens_changed.connect(receivers.settle_changed, dispatch_uid="accounts.settle")
        if len(tokens_changed.receivers) != 1:
            raise ImproperlyConfigured("tokens_changed must have exactly one receiver: accounts.receivers.")
        receivers.register_messages()
