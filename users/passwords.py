"""What a password may not be made of: the words that somebody who knows the place tries first."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

OF_ITS_OWN = 8  # characters that must be left when those words are taken out
_HOST_WORDS = {"www", "com", "net", "org", "test", "example", "localhost"}


class ContextWordsValidator:
    """Refuses a password that is little more than a word of this place: the product, the company, the person.

    The words: "adtoken", PASSWORD_WORDS, the names in BASE_URL's host, and the parts of the person's name and e-mail address.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError where fewer than 8 characters are left without those words."""
        rest = password.lower()
        for word in sorted(self._words(user), key=len, reverse=True):
            rest = rest.replace(word, "")
        if len(rest) < OF_ITS_OWN:
            raise ValidationError(
                gettext(
                    "This password is made of words that are easy to guess here: the name of the product, the company or yourself."
                ),
                code="password_of_this_place",
            )

    def get_help_text(self) -> str:
        """Return the rule in words."""
        return gettext("Not made of the name of AdToken, your company or yourself.")

    def _words(self, user: Any) -> set[str]:
        host = set(settings.BASE_HOST.lower().split(".")) - _HOST_WORDS
        own = f"{getattr(user, 'name', '')} {getattr(user, 'email', '')}".lower()
        found = {"adtoken", *map(str.lower, settings.PASSWORD_WORDS), *host, *re.split(r"[^\w]+|_", own)}
        return {word for word in found if len(word) >= 3 and not word.isdigit()}
