"""In which language a person reads: pages while they are asked for, mails when they are made.

Chosen in the profile; before that, as the browser asks for it, which is kept at the first log-in so that mails speak it, too. What has no
reader, and addresses that nobody here has, are in the installation's language (settings.LANGUAGE_CODE).
"""

from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request, override

from users.models import User

ENGLISH = "en-gb"


def of_visitor(request: HttpRequest) -> str:
    """Return the language of whoever asks for a page."""
    chosen: str = getattr(request.user, "language", "")
    return chosen if chosen in dict(settings.LANGUAGES) else get_language_from_request(request)


def spoken(language: str) -> AbstractContextManager[None]:
    """Speak a language for a while: the installation's where it is "" or none that is offered."""
    return override(language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE)


def keep_guess(user: User, request: HttpRequest, **_kwargs: Any) -> None:
    """Keep what the browser asks for (from the first log-in on), so that mails speak it; what a person has chosen stays."""
    if user.language:
        return
    user.language = get_language_from_request(request)
    User.objects.filter(pk=user.pk, language="").update(language=user.language)
