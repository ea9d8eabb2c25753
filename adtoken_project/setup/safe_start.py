"""Settings with which AdToken does not start: each would open a door, or cannot work.

Asked when the root app starts, because Django's system checks do not run under a WSGI server.
"""

import re
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured

from tokens.channels import declarations
from users.installation.services import is_loopback
from users.people.models import Role

DIFFERENT = 10  # characters of a key at least: a word that is repeated has fewer, 50 random ones have more, hexadecimal ones, too
LEAST_TOKEN = 32  # characters of METRICS_TOKEN and GATE_ENGINE_SECRET
MAKE_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"


def refuse() -> None:
    """Raise ImproperlyConfigured with everything that is wrong, each with what to do."""
    found = list(problems())
    if found:
        raise ImproperlyConfigured("AdToken does not start so:\n" + "\n".join(f"- {one}" for one in found))


def problems() -> Iterator[str]:
    """Yield what is wrong with the settings, a sentence each."""
    yield from _keys()
    yield from _metrics_token()
    yield from _base_url()
    yield from _hosts()
    yield from _mail()
    yield from _addresses()
    yield from _company_log_in()
    if not settings.DEMO:
        yield from _channels()


def _keys() -> Iterator[str]:
    for name, keys in (
        ("SECRET_KEY", [settings.SECRET_KEY]),
        ("SECRET_KEY_FALLBACKS", settings.SECRET_KEY_FALLBACKS),
    ):
        if any(len(key) < 50 or len(set(key)) < DIFFERENT for key in keys):
            yield f"{name} can be guessed: take at least 50 random characters. Make them with: {MAKE_KEY}"
        if set(keys) & set(settings.FERNET_KEYS):
            yield f"{name} equals a key in FERNET_KEYS. Make a key of its own with: {MAKE_KEY}"


def _metrics_token() -> Iterator[str]:
    for name in ("METRICS_TOKEN", "GATE_ENGINE_SECRET"):
        if 0 < len(getattr(settings, name)) < LEAST_TOKEN:
            yield f"{name} can be guessed: take at least {LEAST_TOKEN} random characters. Make them with: {MAKE_KEY}"


def _base_url() -> Iterator[str]:
    base = urlsplit(settings.BASE_URL)
    if base.scheme not in {"http", "https"} or not base.hostname:
        yield f"BASE_URL must be a whole address such as https://adtoken.example.com, not {settings.BASE_URL!r}."
        return
    if base.path or base.query or base.fragment or base.username:
        yield "BASE_URL names more than scheme, host and port. All pages lie at the root: leave the rest out."
    # A name without a dot is known inside a network only, and no authority gives it a certificate.
    public = "." in base.hostname or ":" in base.hostname
    if base.scheme == "http" and public and not is_loopback(base.hostname):
        yield "BASE_URL is plain http, so passwords and tokens would travel in clear. Put TLS in front and use https."


def _hosts() -> Iterator[str]:
    others = [host for host in settings.ALLOWED_HOSTS if not is_loopback(host)]  # that of BASE_URL, too
    if settings.DEBUG and others:
        yield f"DEBUG=1 shows settings and variables to whoever reaches {', '.join(others)}. Remove DEBUG."
    if settings.DEMO and others:
        yield f"DEMO=1 makes people whose passwords everybody knows, and {', '.join(others)} is not this machine alone. Remove DEMO."
    if "*" in settings.ALLOWED_HOSTS:
        yield "ALLOWED_HOSTS=* takes any Host header. Name the hosts; that of BASE_URL is always allowed."
    elif wrong := [
        host for host in settings.ALLOWED_HOSTS[1:] if not re.fullmatch(r"[\w.-]+|\[[\da-fA-F:.]+\]", host)
    ]:
        yield f"ALLOWED_HOSTS must name hosts such as tools.example.com without scheme, port or path, not {', '.join(wrong)}."


def _mail() -> Iterator[str]:
    secret = settings.MAIL_WEBHOOK_SECRET
    if secret and (":" not in secret or len(secret) < LEAST_TOKEN):
        yield f"MAIL_WEBHOOK_SECRET must be user:password, {LEAST_TOKEN} characters at least. Make the password with: {MAKE_KEY}"
    if settings.MAIL_BY_SERVICE:
        try:
            mail.get_connection()
        except ImproperlyConfigured as error:
            yield f"MAIL_SERVICE={settings.MAIL_SERVICE} cannot deliver by MAIL_SERVICE_OPTIONS: {error}"
    elif settings.MAIL_SERVICE and not secret:
        yield "MAIL_SERVICE does nothing: set EMAIL_URL=service:// to deliver by it, MAIL_WEBHOOK_SECRET to take its reports, or remove it."


def _addresses() -> Iterator[str]:
    for name, example, addresses in (
        ("OPERATOR_EMAILS", "ada@example.com,ben@example.com", settings.OPERATOR_EMAILS),
        ("DEFAULT_FROM_EMAIL", "AdToken <adtoken@example.com>", [parseaddr(settings.DEFAULT_FROM_EMAIL)[1]]),
        ("CONTACT_EMAIL", "ads@example.com", filter(None, [settings.CONTACT_EMAIL])),
    ):
        if not all(re.fullmatch(r"[^\s@,;<>]+@[^\s@,;<>]+", address) for address in addresses):
            yield f"{name} should look like {example}"


def _company_log_in() -> Iterator[str]:
    three = {name: getattr(settings, name) for name in ("OIDC_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")}
    if any(three.values()) and not all(three.values()):
        yield f"{', '.join(name for name in three if not three[name])} is missing: the company's log-in needs all of {', '.join(three)}."
    url = urlsplit(settings.OIDC_URL)
    if settings.OIDC_URL and url.scheme != "https" and not is_loopback(url.hostname or ""):
        yield "OIDC_URL must be an https:// address: what it says of a person is believed."
    if settings.OIDC_ONLY and not settings.OIDC_URL:
        yield "OIDC_ONLY=1 locks everybody out: OIDC_URL names no other log-in. Set it, or remove OIDC_ONLY."
    for group, given in settings.OIDC_GROUPS.items():
        fits = isinstance(given, dict) and given and given.keys() <= {"role", "team"}
        if (
            not fits
            or given.get("role", Role.MANAGER) not in Role.values
            or not isinstance(given.get("team", ""), str)
        ):
            yield (
                f'OIDC_GROUPS says of {group!r} neither {{"role": one of {", ".join(Role.values)}}} nor {{"team": the name of one}}.'
            )


def _channels() -> Iterator[str]:
    for channel in declarations.declared().values():
        for name in channel.addresses:
            yield from _address(channel.key.upper(), name)


def _address(channel: str, name: str) -> Iterator[str]:
    url: Any = urlsplit(getattr(settings, name))
    if url.scheme != "https" or is_loopback(url.hostname or ""):
        yield (
            f"{name} leads to {url.scheme}://{url.netloc}, a stand-in: secrets and tokens would go there in clear. "
            f"Remove {name} and {channel}_URL; the sandbox is for DEMO=1 alone."
        )
