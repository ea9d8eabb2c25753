"""How often the links of mails may be pressed that need no log-in: whoever a mail is forwarded to has them, too."""

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def may_press(request: HttpRequest, key: str) -> bool:
    """Return whether a link may be pressed once more, and count it. `key`: names the link, or the log-in that it is of.

    The link comes first: what it refuses is not counted for the network address, which a whole office may share.
    """
    pressed = ratelimit.consume(request, action="link_pressed", key=key)
    return bool(pressed and ratelimit.consume(request, action="link_address"))


def too_often(request: HttpRequest) -> HttpResponse:
    """Refuse what was pressed too often."""
    answer = render(request, "selfservice/renew/too_often.html", status=429)
    answer["Retry-After"] = "3600"
    return answer
