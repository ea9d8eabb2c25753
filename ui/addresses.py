"""Full addresses of pages, for mails, the clipboard and other systems, and the ids that addresses and forms hold."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def id_of(text: str) -> int:
    """Return the id that a text spells, 0 for none: what is no number, or longer than an id can be. Never raises."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def ids_of(texts: Iterable[str]) -> list[int]:
    """Return the ids that texts spell, what spells none left out."""
    return [pk for pk in map(id_of, texts) if pk]


def own_path(text: str) -> str:
    """Return the path that an address names to go on to, where it is one here; else ""."""
    ours = text.startswith("/") and url_has_allowed_host_and_scheme(text, allowed_hosts=None)
    return text if ours else ""


def as_one(ids: Iterable[int]) -> RawSQL:
    """Return ids for `pk__in` as one parameter: a thousand of them take longer to be written into a statement than to be looked up."""
    return RawSQL("select unnest(%s::bigint[])", [list(ids)])  # a constant


def absolute_url(page: str, *args: object) -> str:
    """Return the full address of a page. It names rows and holds no secret; the page asks who is there."""
    return f"{settings.BASE_URL}{reverse(page, args=args)}"
