"""Settings that open a door or cannot work are refused when a process starts, in one line that says what to do."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings as conf
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from adtoken_project import env
from adtoken_project.setup import safe_start
from tokens.vault import services as vault

SOUND = {
    "BASE_URL": "https://adtoken.example.com",
    "ALLOWED_HOSTS": ["adtoken.example.com", "10.0.0.5"],
    "DEBUG": False,
    "DEMO": False,
}
READ: dict[str, Callable[[str], Any]] = {
    "DATABASE_URL": env.database,
    "EMAIL_URL": env.mail,
    "REDIS_URL": env.redis,
}
COMPANY = {"OIDC_URL": "https://login.example.com", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
BY_POSTMARK = {"MAIL_BY_SERVICE": True, "EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend"}


@pytest.fixture(autouse=True)
def _sound(settings: Settings) -> None:
    for name, value in SOUND.items():
        setattr(settings, name, value)


def test_a_production_installation_is_not_refused() -> None:
    assert list(safe_start.problems()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"SECRET_KEY": "a"}, "SECRET_KEY can be guessed"),
        ({"SECRET_KEY": "adtoken" * 10}, "SECRET_KEY can be guessed"),
        ({"SECRET_KEY_FALLBACKS": ["short"]}, "SECRET_KEY_FALLBACKS can be guessed"),
        ({"BASE_URL": "http://adtoken.example.com"}, "BASE_URL is plain http"),
        ({"BASE_URL": "http://10.0.0.5:8000"}, "BASE_URL is plain http"),
        ({"BASE_URL": "http://[2001:db8::5]:8000"}, "BASE_URL is plain http"),
        ({"BASE_URL": "https://tools.example.com/adtoken"}, "BASE_URL names more"),
        ({"BASE_URL": "https://a@tools.example.com"}, "BASE_URL names more"),
        ({"BASE_URL": "adtoken.example.com"}, "BASE_URL must be a whole address"),
        ({"DEBUG": True}, "DEBUG=1 shows settings"),
        (
            {"DEBUG": True, "DEMO": True, "ALLOWED_HOSTS": ["localhost", "10.0.0.5"]},
            "whoever reaches 10.0.0.5",
        ),
        ({"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS="),
        ({"ALLOWED_HOSTS": ["a.example.com", "https://b.example.com"]}, "not https://b.example.com"),
        ({"ALLOWED_HOSTS": ["a.example.com", "b.example.com:8000"]}, "ALLOWED_HOSTS must name hosts"),
        ({"DEMO": True}, "DEMO=1 makes people .* adtoken.example.com, 10.0.0.5 is not"),
        ({"OPERATOR_EMAILS": ["ops"]}, "OPERATOR_EMAILS should look like"),
        ({"OPERATOR_EMAILS": ["a@example.com;b@example.com"]}, "OPERATOR_EMAILS should look like"),
        ({"DEFAULT_FROM_EMAIL": "AdToken"}, "DEFAULT_FROM_EMAIL should look like"),
        ({"CONTACT_EMAIL": "our team"}, "CONTACT_EMAIL should look like"),
        ({"MAIL_SERVICE": "postmark"}, "MAIL_SERVICE does nothing"),
        ({"MAIL_SERVICE": "postmark", **BY_POSTMARK}, "MAIL_SERVICE=postmark .* POSTMARK_SERVER_TOKEN"),
        ({"OIDC_URL": "https://login.example.com"}, "OIDC_CLIENT_ID, OIDC_CLIENT_SECRET is missing"),
        ({**COMPANY, "OIDC_URL": "http://login.example.com"}, "OIDC_URL must be an https:// address"),
        ({"OIDC_ONLY": True}, "OIDC_ONLY=1 locks everybody out"),
        ({**COMPANY, "OIDC_GROUPS": {"ads": {"role": "superuser"}}}, "OIDC_GROUPS says of 'ads'"),
        ({"FACEBOOK_GRAPH_URL": "http://127.0.0.1:8100/facebook"}, "FACEBOOK_GRAPH_URL leads to"),
        ({"TIKTOK_API_URL": "http://business-api.tiktok.com"}, "TIKTOK_API_URL leads to"),
        ({"X_ADS_URL": "https://localhost:8100/x"}, "X_ADS_URL leads to"),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(settings: Settings, change: dict[str, Any], said: str) -> None:
    for name, value in change.items():
        setattr(settings, name, value)

    with pytest.raises(ImproperlyConfigured, match=said):
        apps.get_app_config("adtoken_project").ready()


def test_a_secret_key_that_is_a_key_of_the_ring_is_refused(settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = [secrets.token_urlsafe(50)]
    settings.FERNET_KEYS = [Fernet.generate_key().decode(), settings.SECRET_KEY_FALLBACKS[0]]

    assert "SECRET_KEY_FALLBACKS equals a key in FERNET_KEYS" in str(list(safe_start.problems()))


@pytest.mark.parametrize("key", [b"\0" * 32, b"0123456789abcdef"[:8] * 4])
def test_a_fernet_key_that_is_not_random_is_refused(key: bytes) -> None:
    from base64 import urlsafe_b64encode

    with pytest.raises(ImproperlyConfigured, match="not random"):
        vault.check_keys([urlsafe_b64encode(key).decode()], "x" * 50)


def test_the_demo_on_this_machine_is_not_refused(settings: Settings) -> None:
    settings.DEMO, settings.DEBUG = True, True
    settings.BASE_URL, settings.ALLOWED_HOSTS = "http://127.0.0.1:8000", ["127.0.0.1", "localhost", "[::1]"]
    settings.FACEBOOK_GRAPH_URL = "http://127.0.0.1:8100/facebook"

    assert list(safe_start.problems()) == []


@pytest.mark.parametrize(
    "key",
    [secrets.token_urlsafe(50), secrets.token_hex(25), secrets.token_hex(32)],
    ids=["letters", "hex", "long hex"],  # the same in every process that runs tests
)
def test_random_keys_of_fifty_characters_are_enough(settings: Settings, key: str) -> None:
    settings.SECRET_KEY = key

    assert list(safe_start.problems()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY must be a whole number of 1 at least"),
        ("DATABASE_URL", "postgres://a:hunter2@x:port/y", "DATABASE_URL is no address"),
    ],
)
@pytest.mark.slow
def test_the_process_ends_with_the_reason_and_without_a_traceback(name: str, value: str, said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=conf.BASE_DIR, capture_output=True, text=True, check=False,
        env={**os.environ, name: value},
    )  # fmt: skip

    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


COOKIES = "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.DEVICE_COOKIE_NAME)"


@pytest.mark.slow
def test_cookies_are_of_this_host_alone_where_there_is_tls() -> None:
    said = subprocess.run(
        [sys.executable, "-c", COOKIES], cwd=conf.BASE_DIR, capture_output=True, text=True, check=True,
        env={**os.environ, "BASE_URL": "https://adtoken.example.com", "DJANGO_SETTINGS_MODULE": "adtoken_project.settings"},
    )  # fmt: skip

    assert said.stdout.split() == ["__Host-sessionid", "__Host-csrftoken", "__Host-device"]


def test_redis_by_tls_has_its_certificate_checked_unless_the_address_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for given, meant in {
        "rediss://h:6380/0": "rediss://h:6380/0?ssl_cert_reqs=required",
        "rediss://h:6380/0?ssl_ca_certs=/ca.pem": "rediss://h:6380/0?ssl_ca_certs=/ca.pem&ssl_cert_reqs=required",
        "rediss://h:6380/0?ssl_cert_reqs=none": "rediss://h:6380/0?ssl_cert_reqs=none",
        "redis://h:6379/0": "redis://h:6379/0",
    }.items():
        monkeypatch.setenv("REDIS_URL", given)

        assert env.redis("REDIS_URL") == meant


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("DATABASE_URL", "localhost/adtoken", "DATABASE_URL should look like postgres://"),
        ("DATABASE_URL", "postgres://a:hunter2@x:5432", "DATABASE_URL names no database"),
        ("DATABASE_URL", "postgres://a:1/hunter2@x/y", "Special characters in a password must be escaped"),
        ("EMAIL_URL", "", "Set EMAIL_URL"),
        ("EMAIL_URL", "mail.example.com", "EMAIL_URL should look like smtp"),
        ("EMAIL_URL", "smtps://a:hunter2@mail.example.com:465", "smtp\\+ssl://"),
        ("EMAIL_URL", "smtp+tls://a:hunter2@", "EMAIL_URL names no host"),
        ("REDIS_URL", "localhost:6379", "REDIS_URL should look like redis://"),
        ("REDIS_URL", "sentinel://h1:26379/0", "should look like redis://"),
        ("REDIS_URL", "unix:///run/valkey/valkey.sock?db=0", "should look like redis://"),
        ("REDIS_URL", "redis://:hunter2@h1:6379,h2:6379/0", "REDIS_URL is no address"),
        ("REDIS_URL", "redis://:hunter2@h1,h2:6379/0", "should name one host"),
        ("REDIS_URL", "redis:///0", "should name one host"),
    ],
)
def test_an_address_that_cannot_work_is_refused_and_its_password_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str, said: str
) -> None:
    monkeypatch.setenv(name, address)

    with pytest.raises(ImproperlyConfigured, match=said) as refused:
        READ[name](name)
    assert "hunter2" not in str(refused.value)
