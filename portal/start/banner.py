"""The banner of the start page: how many accounts are dark or will be within a week, who can fix that, and the press that asks them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.urls import reverse

from accounts.asks import queries as asking
from accounts.models import Account
from portal.start.cards import Cards, Row, Said, Viewer
from ui.phrases import phrase
from ui.text import number

say = partial(phrase, "words/start_page.txt")


@dataclass(frozen=True)
class Banner:
    """What the banner says. `next`: the account that ends first, where nothing is due; `button` is "" where there is nobody to ask."""

    title: Sequence[Said]
    text: Sequence[Said]
    tone: str
    icon: str
    button: str = ""
    link: str = ""
    next: Account | None = None


def banner(viewer: Viewer, cards: Cards, *, may_ask: bool) -> Banner:
    """Return the banner. One query for who can fix it, or which account is next."""
    due, limited = [cards.deactivated, cards.urgent], cards.restricted
    if not any(row.found for row in due):
        if limited.found:
            return Banner([_count("restricted", limited)], [], "limit", "block")
        works = viewer.accounts.filter(paused_at=None, state=Account.State.CONNECTED)
        dated = works.filter(deadline__gte=viewer.now)
        first = dated.order_by("deadline", "pk").first()
        return Banner([Said(say("calm"))], [], "good", "check_circle", next=first)
    dark, ends = due
    title = [_count("deactivated", dark)] if dark.found else []
    title += [_count("urgent_more" if dark.found else "urgent", ends)] if ends.found else []
    asks = asking.count_due(viewer.user, viewer.now)
    link = reverse("admin:ask_due")
    text = [Said(_who(asks, dark.found + ends.found), link if may_ask and asks.people else "")]
    if limited.found:
        text.append(_count("restricted_more", limited))
    button = ""
    if may_ask and asks.people:
        button = _button(asks)
        text += [] if button else [Said(say("asked_all"))]
    tone, icon = ("bad", "cancel") if dark.found else ("urgent", "warning")
    return Banner(title, text, tone, icon, button, link)


def _count(words: str, row: Row) -> Said:
    return Said(say(words, n=row.found, shown=row.number), row.link)


def _who(asks: asking.DueAsks, due: int) -> str:
    if not asks.people:
        return say("fix_none")
    some = asks.accounts < due
    return say(
        "fix_some" if some else "fix_all",
        n=asks.people,
        shown=number(asks.people),
        accounts=number(asks.accounts),
    )


def _button(asks: asking.DueAsks) -> str:
    """Return the words of the button; "" where everybody was asked today."""
    if not asks.fresh:
        return ""
    words = "ask_all" if asks.fresh == asks.people else "ask_others"
    return say(words, n=asks.fresh, shown=number(asks.fresh))
