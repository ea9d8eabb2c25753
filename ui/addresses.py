"""Full addresses of pages, for mails, the clipboard and other systems."""

from django.conf import settings
from django.urls import reverse


def absolute_url(page: str, *args: object) -> str:
    """Return the full address of a page. It names rows and holds no secret; the page asks who is there."""
    return f"{settings.BASE_URL}{reverse(page, args=args)}"
