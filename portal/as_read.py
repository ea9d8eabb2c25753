"""What a page showed that asks about all that match: its button acts on nothing that matches only since.

Up to MOST the page carries what it showed, by id: what came since is left out, and so is what matches no longer. Of more it carries their
number, and asks again where clearly more match by then. A page without either is of before an upgrade, and acts on what matches.
"""

from collections.abc import Sequence

from django.http import HttpRequest
from django.utils.translation import gettext

from ui.confirm import Done

MOST = 500
SPARE = 100  # a large fleet changes all the time: for each so many that were read, one more is let pass


def mark(what: str, ids: Sequence[int] | None, total: int) -> str:
    """Return what a page carries, before its nonce. `what` it showed, one word; `ids` of all of it, None where they are too many."""
    many = ids is None or total > MOST
    return f"{what}~{total}" if many else f"{what}-{'-'.join(map(str, ids or ()))}"


def ids(request: HttpRequest, what: str) -> list[int] | None:
    """Return what the page showed that was sent; None where none was, or where it carries a number."""
    sent = _sent(request)
    name, _, numbers = sent.partition("-")
    if name != what:
        return None
    return [int(pk) for pk in numbers.split("-") if pk.isascii() and pk.isdigit() and len(pk) < 19]


def has_grown(request: HttpRequest, what: str, total: int) -> bool:
    """Return whether clearly more match now than the page said that was sent."""
    name, _, number = _sent(request).partition("~")
    if name != what or not (number.isascii() and number.isdigit()):
        return False
    return total > int(number) + int(number) // SPARE


def kept(request: HttpRequest, what: str, found: Sequence[int]) -> list[int]:
    """Keep those of `found` that the page showed that was sent; none where it must be read again."""
    shown = ids(request, what)
    if shown is not None:
        among = set(shown)
        return [pk for pk in found if pk in among]
    return [] if has_grown(request, what, len(found)) else list(found)


def read_again(request: HttpRequest) -> Done:
    """Say that nothing was done, and show the page with what matches now."""
    text = gettext("Nothing was done: what matches has changed since the page was opened. Look again.")
    return Done(nothing=True, failures=[text], after=request.get_full_path())


def _sent(request: HttpRequest) -> str:
    return request.POST.get("seen", "").rpartition(".")[0].rpartition(".")[2]
