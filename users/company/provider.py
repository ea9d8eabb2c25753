"""The company's OpenID provider, on allauth's.

It is in no registry of allauth: that one is the channels', and none of those is a way to log in. Set up by OIDC_URL and its like.
"""

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from users.login.second_factor import COMPANY
from users.people.services import address_of

logger = logging.getLogger(__name__)

KEPT_FOR = 3600  # seconds that a process keeps the provider's description
SILENT_FOR = 10  # seconds for which one that did not answer is not asked again
LEEWAY = 60  # seconds by which its clock may differ from ours
LONGEST_CODE = 4096
_described: dict[str, tuple[float, dict[str, Any]]] = {}  # by OIDC_URL: read when, and what


class Trouble(StrEnum):
    """Why nobody is logged in. Each has its words in templates/words/company.txt."""

    LOST = "lost"  # no handshake that began in this browser, or one that was answered
    CANCELLED = "cancelled"
    SILENT = "silent"  # the provider does not answer, or not as the protocol says
    CLOCK = "clock"
    UNVERIFIED = "unverified"
    UNKNOWN = "unknown"
    SWITCHED_OFF = "switched_off"
    WAITING = "waiting"  # known, and nobody has given a role or a team yet
    OTHER = "other"  # asked again, and somebody else came
    TOO_OFTEN = "too_often"  # begun from this network address
    NOT_ASKED = "not_asked"  # asked again, and the provider did not


class NotLoggedIn(Exception):  # noqa: N818  # an answer
    """Nobody is logged in. `detail` is for the log, and holds no secret; `email` is what the provider said, "" for nothing."""

    def __init__(self, trouble: Trouble, detail: str = "", email: str = "") -> None:
        super().__init__(f"{trouble}: {detail}")
        self.trouble, self.detail, self.email = trouble, detail, email


@dataclass(frozen=True)
class Identity:
    """Whom the provider has logged in."""

    email: str  # lower case; "" where none is said
    verified: bool
    name: str
    groups: frozenset[str] | None  # None: not told, so nothing is changed
    factor: bool  # whether a second factor was shown that counts here
    shown_at: float  # when, in seconds since 1970; 0: not told


def name() -> str:
    """Return what the log-in is called on the pages; "" where there is none."""
    if not settings.OIDC_URL:
        return ""
    return settings.ORGANISATION_NAME or urlsplit(settings.OIDC_URL).hostname or ""


class CompanyPage(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth ships no types
    """What allauth asks the provider."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, COMPANY)

    def get_provider(self) -> "CompanyProvider":
        """Return the provider."""
        return CompanyProvider(self.request)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:  # allauth's interface
        """Return the one address that the provider sends people back to."""
        return f"{settings.BASE_URL}{reverse('company_callback')}"

    @property
    def openid_config(self) -> dict[str, Any]:
        """What the provider says of itself, read once an hour. Raises NotLoggedIn where it is another one, or not safe."""
        url = settings.OIDC_URL
        read_at, found = _described.get(url, (-KEPT_FOR, {}))
        age = time.monotonic() - read_at
        if not found and age < SILENT_FOR:  # so that not each thread waits for a provider that is away
            raise NotLoggedIn(Trouble.SILENT, "asked_a_moment_ago")
        if not found or age > KEPT_FOR:
            found = self._describe(url)
            _described[url] = (time.monotonic(), found)
        return found

    def _describe(self, url: str) -> dict[str, Any]:
        """Ask the provider what it is."""
        try:
            with get_adapter().get_requests_session() as session:
                answer = session.get(self.get_provider().server_url)
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
        except BROKEN:
            _described[url] = (time.monotonic(), {})
            raise
        _demand_own(found, url)
        return found

    def ask_identity(self, code: str, verifier: str | None) -> Identity:
        """Exchange a code, once. Raises what `told` turns into NotLoggedIn."""
        app = self.get_provider().app
        answer = self.get_client(self.request, app).get_access_token(code, pkce_code_verifier=verifier)
        claims = self._claims(answer["id_token"], app.client_id)
        more: dict[str, Any] = {}
        wanted = ["email", *([settings.OIDC_GROUPS_CLAIM] if settings.OIDC_GROUPS else [])]
        if not all(claims.get(one) for one in wanted) and "userinfo_endpoint" in self.openid_config:
            more = self._fetch_user_info(answer["access_token"])
            if more["sub"] != claims["sub"]:
                raise NotLoggedIn(Trouble.SILENT, "foreign_userinfo")
        return _identity(claims, more)

    def _claims(self, id_token: str, client_id: str) -> dict[str, Any]:
        """Return what an id token says.

        It came from the provider itself by TLS, which stands for its signature (OpenID Connect Core, 3.1.3.7).
        """
        checks = {f"verify_{part}": True for part in ("exp", "iat", "iss", "aud")}
        claims: dict[str, Any] = jwt.decode(
            id_token,
            options={"verify_signature": False, "require": ["exp", "iat", "iss", "aud", "sub"], **checks},  # type: ignore[arg-type]
            issuer=self.openid_config["issuer"],
            audience=client_id,
            leeway=LEEWAY,
        )
        if claims.get("azp", client_id) != client_id:
            raise NotLoggedIn(Trouble.SILENT, "foreign_azp")
        return claims


class CompanyProvider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth ships no types
    """The one provider, with PKCE."""

    id = COMPANY
    oauth2_adapter_class = CompanyPage

    def __init__(self, request: HttpRequest) -> None:
        app = SocialApp(
            provider=COMPANY,
            provider_id=COMPANY,
            name=name(),
            client_id=settings.OIDC_CLIENT_ID,
            secret=settings.OIDC_CLIENT_SECRET,
            settings={"server_url": settings.OIDC_URL, "oauth_pkce_enabled": True},
        )
        super().__init__(request, app=app)

    def get_oauth2_adapter(self, request: HttpRequest) -> CompanyPage:
        """Return what asks the provider."""
        return CompanyPage(request)

    def get_default_scope(self) -> list[str]:
        """Return what is asked for; of groups where the provider has a scope for them."""
        scopes = self.get_oauth2_adapter(self.request).openid_config.get("scopes_supported", [])
        groups = settings.OIDC_GROUPS_CLAIM
        return [
            *super().get_default_scope(),
            *([groups] if settings.OIDC_GROUPS and groups in scopes else []),
        ]


def _demand_own(found: Any, url: str) -> None:
    """Raise NotLoggedIn unless this is of the provider at this address (OpenID Connect Discovery, 4.3), with endpoints as safe."""
    issuer = str(found["issuer"])
    if issuer.rstrip("/") != url.partition("/.well-known/")[0].rstrip("/"):
        raise NotLoggedIn(Trouble.SILENT, f"issuer={issuer}")
    safe = urlsplit(url).scheme
    for endpoint in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint"):
        if urlsplit(found.get(endpoint) or url).scheme != safe:
            raise NotLoggedIn(Trouble.SILENT, f"unsafe={endpoint}")
    _ = found["authorization_endpoint"], found["token_endpoint"]


def _identity(claims: Mapping[str, Any], more: Mapping[str, Any]) -> Identity:
    """Return whom an id token, and what else the provider says, are about. An address is verified by the side alone that names it."""
    said = claims if claims.get("email") else more
    return Identity(
        email=address_of(str(said.get("email") or "")),
        # xms_edov: Entra's word for it. Some say it as text.
        verified=any(str(said.get(mark)).lower() in {"true", "1"} for mark in ("email_verified", "xms_edov")),
        name=str(claims.get("name") or more.get("name") or "")[:150],
        groups=_groups({**more, **claims}),
        factor=bool({str(one) for one in claims.get("amr") or []} & set(settings.OIDC_SECOND_FACTOR)),
        shown_at=float(claims.get("auth_time") or 0),
    )


def _groups(claims: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the groups. Entra names none to whoever is in more than 200, and says so: these are left as they are."""
    found, claim = claims.get(settings.OIDC_GROUPS_CLAIM), settings.OIDC_GROUPS_CLAIM
    if claims.get("hasgroups") or claim in (claims.get("_claim_names") or {}):
        logger.warning("company log-in: the provider leaves groups out, because there are too many")
        return None
    return frozenset([found] if isinstance(found, str) else map(str, found or []))


# What a provider that is away or does not keep to the protocol makes the libraries raise.
BROKEN = (
    OAuth2Error, requests.RequestException, jwt.PyJWTError, ImmediateHttpResponse, LookupError, TypeError, ValueError, AttributeError,
)  # fmt: skip


def told(error: Exception) -> NotLoggedIn:
    """Return what one of BROKEN means. Of its text the protocol's own code alone is kept: it may hold the provider's whole answer."""
    if isinstance(error, jwt.ImmatureSignatureError | jwt.ExpiredSignatureError):
        return NotLoggedIn(Trouble.CLOCK, type(error).__name__)
    code = (
        re.search(r'"error"\s*:\s*"([a-z_]{1,40})"', str(error)) if isinstance(error, OAuth2Error) else None
    )
    return NotLoggedIn(Trouble.SILENT, f"{type(error).__name__} {code[1] if code else ''}".strip())
