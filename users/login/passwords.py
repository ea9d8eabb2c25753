"""Asking for a new password by mail, and what a password may not be made of.

The page that asks does the same work for every address: it writes one row. Whether somebody has the address is looked up when the mail is
made, by a worker, so that neither the answer nor its time tells who has a log-in, and a mail server that is away fails no page.
"""

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from allauth.account.forms import ResetPasswordForm as AllauthResetForm
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from users.installation import hold
from users.login.second_factor import has_factor
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
    password_reset_requested.send(sender=User, email=email, now=now)


def person_of(email: str) -> User | None:
    """Return who may set a new password by a link sent to this address."""
    user = User.objects.filter(email=email, is_active=True, is_contact=False).first()
    # Whoever never came in by the company's log-in that made them gets no other door.
    waits = user is not None and user.last_login is None and not user.has_usable_password()
    return None if user is None or waits or (settings.OIDC_ONLY and not user.is_superuser) else user


def logs_in(user: User) -> bool:
    """Return whether a right password logs this person in: where the company's log-in is the only one, superusers with a second factor.

    And one who never logged in: made on the server, to set up a first factor, when nobody else can get in.
    """
    if not settings.OIDC_ONLY:
        return True
    return user.is_superuser and (user.last_login is None or has_factor(user))


def reset_link(user: User) -> str:
    """Return the address that sets a new password. A secret: for the mail that is being sent, never stored."""
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    return f"{settings.BASE_URL}{path.replace('UID-KEY', quote(key))}"


OF_ITS_OWN = 6  # different characters that must be left when those words are taken out
COMMON = 2  # of the commonest passwords are taken out, the longest: a phrase of several such words is a good password
LOOKED_AT = 100  # characters: what is looked for in them is 20,000 words
_HOST_WORDS = {"www", "com", "net", "org", "test", "example", "localhost"}


class EasyWordsValidator(CommonPasswordValidator):
    """Refuses a password that is little more than repetition, words of this place, and two of the 20,000 commonest: what is tried first.

    The words: "adtoken", the names in BASE_URL's host, and the parts of the person's name and e-mail address.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError where fewer than 6 different characters are left without those words."""
        rest = password.lower()[:LOOKED_AT]
        for word in sorted(self._words(user), key=len, reverse=True):
            rest = rest.replace(word, "")
        for _ in range(COMMON):
            rest = rest.replace(
                max((word for word in self.passwords if word in rest), key=len, default=" "), ""
            )
        if len(set(rest)) < OF_ITS_OWN:
            raise ValidationError(
                gettext(
                    "This password is easy to guess: without common words, repetition, and the names of the product, "
                    "the company and yourself, too little is left of it. Several words that have nothing to do with each other are better."
                ),
                code="password_easy_to_guess",
            )

    def get_help_text(self) -> str:
        """Return the rule in words."""
        return gettext("Not made of a common word or the name of AdToken, your company or yourself.")

    def _words(self, user: Any) -> set[str]:
        host = set(settings.BASE_HOST.lower().split(".")) - _HOST_WORDS
        own = f"{getattr(user, 'name', '')} {getattr(user, 'email', '')}".lower()
        found = {"adtoken", *host, *re.split(r"[^\w]+|_", own)}
        return {word for word in found if len(word) >= 3 and not word.isdigit()}
