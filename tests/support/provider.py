"""A company's OpenID provider that really runs: allauth's own, in a Django project of this one file, in a process of its own.

Whoever types an address into its log-in page is logged in. What it says of a person, and of itself, is in a file that tests write.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Self
from urllib.parse import parse_qs, urljoin, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import requests

from tests.support.sandbox import ROOT, dying_with_us

CLIENT_ID, SECRET = "adtoken", "CANARY-of-the-company-client-secret"


class Provider:
    """One provider on a free port. `callback` is the one address that it sends people back to."""

    def __init__(self, folder: Path, callback: str) -> None:
        self.folder, self.callback, self.url = folder, callback, ""
        self.people: dict[str, dict[str, Any]] = {}
        self.says: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Start it, and wait until it serves."""
        self.write()
        command = dying_with_us(
            sys.executable, "-m", "tests.support.provider", str(self.folder), self.callback
        )
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the provider did not start"
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout and self.process.stdout.close()

    def person(self, address: str, **claims: Any) -> None:
        """Have it say this of who logs in by this address, beside the address: verified, unless `claims` say otherwise. None: nothing."""
        self.people[address.lower()] = {
            "email": address,
            "email_verified": True,
            "name": "Ada Lovelace",
            **claims,
        }
        self.write()

    def write(self) -> None:
        """Write what it says."""
        (self.folder / "said.json").write_text(json.dumps({"people": self.people, "says": self.says}))

    def pass_through(self, url: str, email: str) -> str:
        """Log in there, as a browser that comes by this address. Returns the address that it is sent back to."""
        with requests.Session() as browser:
            page = browser.get(url)
            for _ in range(4):
                form = {
                    "csrfmiddlewaretoken": browser.cookies.get("csrftoken") or "",
                    "login": email,
                    "password": "any",
                }
                page = browser.post(page.url, data=form, headers={"Referer": page.url}, allow_redirects=False)
                while page.is_redirect:
                    to = urljoin(page.url, page.headers["Location"])
                    if to.startswith(self.callback):
                        return to
                    page = browser.get(to, allow_redirects=False)
            raise AssertionError(f"{page.status_code} {page.url} {page.text[:2000]}")


def code_of(address: str) -> str:
    """Return the code in the address of a way back."""
    return parse_qs(urlsplit(address).query)["code"][0]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def _serve(folder: Path, callback: str) -> None:
    import django
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from django.conf import settings

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings.configure(
        SECRET_KEY="of-the-provider-alone", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SESSION_COOKIE_NAME="provider", LOGIN_URL="/accounts/login/",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "provider.sqlite3"}},
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
            "allauth", "allauth.account", "allauth.idp.oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        TEMPLATES=[{
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {"context_processors": [
                "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]},
        }],
        AUTHENTICATION_BACKENDS=[f"{__name__}.Everybody"], ACCOUNT_LOGIN_METHODS={"email"}, ACCOUNT_RATE_LIMITS=False,
        ACCOUNT_EMAIL_VERIFICATION="none", ACCOUNT_SIGNUP_FIELDS=["email*", "password1*"],
        IDP_OIDC_ADAPTER=f"{__name__}.says", IDP_OIDC_PRIVATE_KEY=key.decode(),
    )  # fmt: skip
    django.setup()
    from allauth.idp.oidc.models import Client
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    client = Client(
        id=CLIENT_ID,
        name="AdToken",
        scopes="openid\nprofile\nemail\ngroups",
        redirect_uris=callback,
        skip_consent=True,
    )
    client.set_secret(SECRET)
    client.save()
    server = make_server("127.0.0.1", 0, get_wsgi_application(), server_class=_Server, handler_class=_Quiet)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _said() -> dict[str, Any]:
    from django.conf import settings

    database = Path(settings.DATABASES["default"]["NAME"])
    found: dict[str, Any] = json.loads((database.parent / "said.json").read_text())
    return found


def says() -> Any:
    """Return what allauth asks for its answers."""
    from allauth.idp.oidc.adapter import DefaultOIDCAdapter

    class Adapter(DefaultOIDCAdapter):  # type: ignore[misc]  # allauth ships no types
        def get_claims(
            self, purpose: str, user: Any, client: Any, scopes: Any, **_more: Any
        ) -> dict[str, Any]:
            claims = dict(_said()["people"].get(user.email, {"email": user.email}))
            asks_now = claims.pop("auth_time", None) == "now"
            claims |= {"auth_time": time.time()} if asks_now else {}
            said = {"sub": str(user.pk), **claims, **_said()["says"].get(purpose, {})}
            return {name: value for name, value in said.items() if value is not None}

        def populate_server_metadata(self, data: dict[str, Any]) -> None:
            data |= _said()["says"].get("metadata", {})

    return Adapter()


def __getattr__(name: str) -> Any:
    """Make what Django can only load when it is set up."""
    if name == "urlpatterns":
        from django.urls import include, path

        return [path("", include("allauth.idp.urls")), path("accounts/", include("allauth.account.urls"))]
    if name == "Everybody":
        from allauth.account.auth_backends import AuthenticationBackend
        from django.contrib.auth.models import User

        class Everybody(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
            def authenticate(self, request: Any, **credentials: Any) -> Any:
                email = credentials["email"]
                return User.objects.get_or_create(username=email, defaults={"email": email})[0]

        return Everybody
    raise AttributeError(name)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
