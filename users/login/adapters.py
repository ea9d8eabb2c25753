"""allauth's hooks for log-in and the second factor."""

import base64
import secrets
from datetime import timedelta
from typing import Any

from allauth.account import app_settings as account_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from infra.keys import seal, unseal
from users.login import limits as password_limits
from users.login import passwords, second_factor
from users.login.services import ChangeKind, LoginChange, notify_change
from users.models import User
from users.sessions.models import BROWSER_LENGTH, Detail
from users.sessions.receivers import write_refusal

# allauth's names of its mails -> what they tell. All other mails of the library are of pages that are switched off here.
_NOTIFICATIONS = {
    "account/email/password_changed": ChangeKind.PASSWORD_CHANGED,
    "account/email/password_reset": ChangeKind.PASSWORD_RESET,
    "account/email/password_set": ChangeKind.PASSWORD_SET,
    "mfa/email/totp_activated": ChangeKind.TOTP_ACTIVATED,
    "mfa/email/totp_deactivated": ChangeKind.TOTP_DEACTIVATED,
    "mfa/email/webauthn_added": ChangeKind.WEBAUTHN_ADDED,
    "mfa/email/webauthn_removed": ChangeKind.WEBAUTHN_REMOVED,
    "mfa/email/recovery_codes_generated": ChangeKind.RECOVERY_CODES_GENERATED,
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Nobody signs up: people are invited by mail. What the library would mail goes through the outbox."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: an invitation is the only way in."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse a password that is one too many, by our own limits: the library's lock a person out from everywhere."""
        email = _email_of(credentials)
        if not password_limits.may_try_password(request, email):
            write_refusal(request, email, Detail.TOO_MANY_WRONG_PASSWORDS)
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Return whose password it is, or None; count accordingly."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None and not request.user.is_authenticated and not passwords.logs_in(user):
            return None
        if user is not None:
            password_limits.note_right_password(request, _email_of(credentials))
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a wrong password."""
        password_limits.count_wrong_password(request, _email_of(credentials))

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether somebody must show again who they are, who came by the company's log-in a while ago, or by another way."""
        lately = second_factor.came_by_company(
            self.request, within=timedelta(seconds=account_settings.REAUTHENTICATION_TIMEOUT)
        )
        return not lately and bool(super().is_reauthentication_required(app=app, **kwargs))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways to show it; for a session that began by the company's log-in that one, too."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if second_factor.came_by_company(self.request):
            company = gettext("The company's log-in")
            ways.append({"id": "company", "description": company, "url": reverse("company_again")})
        return ways

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead staff without a log-in of their own at a channel to the portal: nothing waits for them on My accounts."""
        user: Any = request.user
        if user.is_staff and not user.tokens.exists():
            return reverse("admin:index")
        return str(super().get_login_redirect_url(request))

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell the person of a change that was made in this session, from which address and browser."""
        change = LoginChange(
            kind=_NOTIFICATIONS[template_prefix],
            user=user,
            recipient=email or user.email,
            address=self.get_client_ip(self.request),
            browser=self.get_http_user_agent(self.request)[:BROWSER_LENGTH],
        )
        notify_change(change, now=timezone.now())

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Refuse: the library would send inside the request, in its own words, with links from the Host header."""
        raise NotImplementedError(f"None of our mails says what {template_prefix} would.")


def _email_of(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email", "")).strip().lower()


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Keeps the second factor's secrets encrypted; allauth would store them in clear."""

    encrypt = staticmethod(seal)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret in clear; one that no code fits where no key opens it."""
        return unseal(encrypted_text) or base64.b32encode(secrets.token_bytes(20)).decode()
