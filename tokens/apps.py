"""The tokens app."""

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy


class TokensConfig(AppConfig):
    """Credentials: the vault, the channels, and the life of a token."""

    name = "tokens"
    verbose_name = gettext_lazy("Tokens")

    def ready(self) -> None:
        """Check the key ring here, because Django's system checks do not run when a WSGI server starts.

        Raises ImproperlyConfigured where it is not sound.
        """
        from tokens.channels import versions  # noqa: F401  # as above
        from tokens.vault import queries as key_usage  # noqa: F401  # importing checks registers them
        from tokens.vault import services as vault

        try:
            vault.check_keys(settings.FERNET_KEYS, settings.SECRET_KEY)
        except ImproperlyConfigured as error:
            raise ImproperlyConfigured(f"AdToken does not start without a sound key ring. {error}") from error
