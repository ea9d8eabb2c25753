"""What a password may not be made of: the words that somebody who knows the place, or the commonest passwords, tries first."""

import re
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

OF_ITS_OWN = 6  # different characters that must be left when those words are taken out
COMMON = 2  # of the commonest passwords are taken out, the longest: a phrase of several such words is a good password
LOOKED_AT = 100  # characters: what is looked for in them is 20,000 words
_HOST_WORDS = {"www", "com", "net", "org", "test", "example", "localhost"}


class EasyWordsValidator(CommonPasswordValidator):
    """Refuses a password that is little more than repetition, words of this place, and two of the 20,000 commonest passwords.

    The words: "adtoken", PASSWORD_WORDS, the names in BASE_URL's host, and the parts of the person's name and e-mail address.
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
        found = {"adtoken", *map(str.lower, settings.PASSWORD_WORDS), *host, *re.split(r"[^\w]+|_", own)}
        return {word for word in found if len(word) >= 3 and not word.isdigit()}
