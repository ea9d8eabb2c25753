"""Reading configuration from the environment. Every secret may also come from a file named by NAME_FILE."""

import os
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """Return the variable's text, or the text of the file that NAME_FILE names.

    Raises ImproperlyConfigured when both are missing and there is no default, or the file cannot be read.
    """
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read: {error}") from error
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE). See .env.example.")
    return value


def address(name: str, default: str) -> str:
    """Return one of a channel's addresses: the channel's one address for all (FACEBOOK_URL for FACEBOOK_WWW_URL) goes before it."""
    all_in_one = text(name.partition("_")[0] + "_URL", "")
    return (all_in_one or text(name, default)).rstrip("/")


def flag(name: str, *, default: bool) -> bool:
    """Return the variable as a yes or no: 1, true, yes, on against 0, false, no, off."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def whole(name: str, *, default: int) -> int:
    """Return the variable as a whole number."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        return int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error


def names(name: str, default: str = "") -> list[str]:
    """Return the variable's comma-separated parts, without blanks."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def stand_in() -> None:
    """Fill in what the settings must have, where it is missing: for a command that uses neither keys nor servers.

    Nothing is ever sealed with these keys: they are gone with the process.
    """
    missing = {
        "BASE_URL": "http://localhost",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FERNET_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "DATABASE_URL": "postgres://127.0.0.1:1",  # names no database
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "EMAIL_URL": "dummymail://",
    }
    for name, value in missing.items():
        if not os.environ.get(name) and not os.environ.get(f"{name}_FILE"):
            os.environ[name] = value
