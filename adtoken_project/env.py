"""Reading configuration from the environment. Every variable may also come from a file named by NAME_FILE."""

import json
import os
import re
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

ONE_SERVER = (
    "redis://:password@host:6379/0, by TLS rediss://:password@host:6380/0?ssl_ca_certs=/path/to/ca.pem"
)
NO_DATABASE = "postgres://127.0.0.1:1"  # the address of `stand_in`, which names none
ESCAPE = "Special characters in a password must be escaped (%40 for @)."


class _Variables(environ.FileAwareMapping):  # type: ignore[misc]  # the library ships no types
    """The environment, where NAME_FILE goes before NAME. A file is read again each time, without its final line break."""

    def __getitem__(self, name: str) -> str:
        try:
            value: str = super().__getitem__(name)
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read: {error}") from error
        return value.strip() if self.env.get(f"{name}_FILE") else value


_VARIABLES = _Variables(cache=False)


def text(name: str, default: str | None = None) -> str:
    """Return the variable's text, or the text of the file that NAME_FILE names.

    Raises ImproperlyConfigured when both are missing or empty and there is no default, or the file cannot be read.
    """
    value: str = _VARIABLES.get(name, default) or ""
    if not value and default is None:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE). See .env.example.")
    return value


def address(name: str, default: str) -> str:
    """Return one of a channel's addresses: the channel's one address for all (FACEBOOK_URL for FACEBOOK_WWW_URL) goes before it."""
    all_in_one = text(name.partition("_")[0] + "_URL", "")
    return (all_in_one or text(name, default)).rstrip("/")


def flag(name: str, *, default: bool) -> bool:
    """Return the variable as a yes or no: 1, true, yes, on against 0, false, no, off. Raises ImproperlyConfigured for another word."""
    value = text(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def whole(name: str, *, default: int, least: int = 0, most: int | None = None) -> int:
    """Return the variable as a whole number. Raises ImproperlyConfigured for another text, and beyond the limits."""
    value = text(name, "").strip()
    if not value:
        return default
    limits = f"from {least} to {most}" if most is not None else f"of {least} at least"
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number {limits}, not {value!r}.") from None
    if number < least or (most is not None and number > most):
        raise ImproperlyConfigured(f"{name} must be a whole number {limits}, not {value!r}.")
    return number


def choice(name: str, *, default: str, choices: Sequence[str]) -> str:
    """Return the variable, one of these words. Raises ImproperlyConfigured for another."""
    value = text(name, "").strip().lower() or default
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def database(name: str) -> dict[str, Any]:
    """Return Django's settings for the database that the address names. Raises ImproperlyConfigured, showing no password."""
    example = "postgres://user:password@host:5432/name"
    _scheme(name, {"postgres", "postgresql"}, example)
    found = dict(environ.Env.db_url_config(text(name)))
    if text(name) != NO_DATABASE and not re.fullmatch(r"[^/@]+", found["NAME"]):
        raise ImproperlyConfigured(f"{name} names no database. {ESCAPE} It should look like {example}")
    return found


def redis(name: str) -> str:
    """Return the address of a Redis or Valkey, in a form that the queue and the cache take alike.

    By TLS the certificate is checked, unless the address says otherwise: Celery alone would not. Raises ImproperlyConfigured for what one
    of the two cannot use: Sentinel, a cluster, a Unix socket.
    """
    given = text(name)
    _scheme(name, {"redis", "rediss"}, ONE_SERVER)
    url = urlsplit(given)
    if not url.hostname or "," in url.netloc.rpartition("@")[2]:
        raise ImproperlyConfigured(f"{name} should name one host: {ONE_SERVER}")
    if url.scheme == "rediss" and "ssl_cert_reqs" not in parse_qs(url.query):
        given += ("&" if url.query else "?") + "ssl_cert_reqs=required"
    return given


def mail(name: str, *, service: str = "") -> dict[str, Any]:
    """Return Django's settings for the mail server that the address names; for `service://`, that of a mail service's API.

    Raises ImproperlyConfigured, showing no password.
    """
    if text(name).startswith("service://"):
        if not service:
            raise ImproperlyConfigured(f"{name}=service:// needs MAIL_SERVICE, the name of the service.")
        return {"EMAIL_BACKEND": f"anymail.backends.{service}.EmailBackend"}
    example = "smtp+tls://user:password@mail.example.com:587, or smtp+ssl://...:465 for TLS from the start"
    _scheme(
        name, set(environ.Env.EMAIL_SCHEMES) - {"smtps"}, example
    )  # taken for STARTTLS, which few mean by it
    found = dict(environ.Env.email_url_config(text(name)))
    if found["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend" and not found["EMAIL_HOST"]:
        raise ImproperlyConfigured(f"{name} names no host. It should look like {example}")
    return found


def options(name: str) -> dict[str, Any]:
    """Return the variable as an object of JSON; empty without one. Raises ImproperlyConfigured for anything else, showing none of it."""
    try:
        found = json.loads(text(name, "") or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ImproperlyConfigured(f'{name} must be an object of JSON such as {{"name": "value"}}.')
    return found


def _scheme(name: str, schemes: set[str], example: str) -> None:
    """Raise ImproperlyConfigured unless the variable is an address of one of these schemes."""
    try:
        url = urlsplit(text(name))
        _ = url.port  # raises ValueError for what is no number
    except ValueError:
        raise ImproperlyConfigured(f"{name} is no address. {ESCAPE} It should look like {example}") from None
    if url.scheme not in schemes:
        raise ImproperlyConfigured(f"{name} should look like {example}")


def names(name: str, default: str = "") -> list[str]:
    """Return the variable's comma-separated parts, without blanks."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def networks(name: str, default: str = "") -> list[str]:
    """Return the variable's comma-separated networks, as "10.0.5.0/24"."""
    found = names(name, default)
    for one in found:
        try:
            ip_network(one)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} holds {one!r}, which is no network such as 10.0.5.0/24: {error}"
            ) from None
    return found


def origins(name: str) -> list[str]:
    """Return the variable's comma-separated origins, as "https://portal.example.com". Raises ImproperlyConfigured for what is none, and
    for plain http elsewhere than on this machine.
    """
    found = names(name)
    for one in found:
        url = urlsplit(one)
        here = url.hostname in {"127.0.0.1", "localhost", "::1"}
        if (
            one != f"{url.scheme}://{url.netloc}"
            or not url.hostname
            or "@" in one
            or not (url.scheme == "https" or here)
        ):
            raise ImproperlyConfigured(
                f"{name} holds {one!r}, which is no origin such as https://portal.example.com."
            )
    return found


@contextmanager
def told_in_one_line(status: int = 1) -> Iterator[None]:
    """End the process with this exit status (SystemExit) where it is not configured, and say so without a traceback."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(status) from None


def stand_in() -> None:
    """Fill in what the settings must have, where it is missing: for a command that uses neither keys nor servers.

    Nothing is ever sealed with these keys: they are gone with the process.
    """
    missing = {
        "BASE_URL": "http://localhost",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FERNET_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "DATABASE_URL": NO_DATABASE,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "EMAIL_URL": "dummymail://",
    }
    for name, value in missing.items():
        if not text(name, ""):
            os.environ[name] = value
