"""allauth's hooks for log-in and the second factor."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Nobody signs up: people are invited by mail."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: an invitation is the only way in."""
        return False


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Keeps the second factor's secrets encrypted; allauth would store them in clear."""

    def encrypt(self, text: str) -> str:
        """Return the secret, encrypted with the newest key."""
        return _ring().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret in clear; any key of the ring opens it."""
        return _ring().decrypt(encrypted_text.encode()).decode()


def _ring() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FERNET_KEYS])
