"""Asking for a new password by mail.

The page does the same work for every address: it writes one row. Whether somebody has the address is looked up when the mail is made,
by a worker, so that neither the answer nor its time tells who has a log-in, and a mail server that is away fails no page.
"""

from datetime import datetime
from urllib.parse import quote

from allauth.account.forms import ResetPasswordForm as AllauthResetForm
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from users.installation import hold
from users.models import User
from users.signals import password_reset_requested


class ResetPasswordForm(AllauthResetForm):  # type: ignore[misc]  # allauth ships no types
    """Takes an address; looks nobody up."""

    def clean_email(self) -> str:
        """Return the address in lower case, as log-ins are kept."""
        return str(self.cleaned_data["email"]).lower()

    def save(self, request: HttpRequest, **kwargs: object) -> str:
        """Have the mail written."""
        email = str(self.cleaned_data["email"])
        request_reset(email=email, now=timezone.now())
        return email


def request_reset(*, email: str, now: datetime) -> None:
    """Have the mail with the link written for whoever has this address. Raises OnHold where no mail is sent."""
    hold.refuse()
    if not password_reset_requested.has_listeners(User):
        raise RuntimeError("Nobody mails password links: the root app has not connected its receiver.")
    password_reset_requested.send(sender=User, email=email, now=now)


def person_of(email: str) -> User | None:
    """Return who may set a new password by a link sent to this address."""
    return User.objects.filter(email=email, is_active=True, is_contact=False).first()


def link(user: User) -> str:
    """Return the address that sets a new password. A secret: for the mail that is being sent, never stored."""
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    return f"{settings.BASE_URL}{path.replace('UID-KEY', quote(key))}"
