"""Steps that stories and walks share. A walk is taken on a phone; on a desktop too where pictures are taken: `in_both_widths`."""

import os
import re
from collections.abc import Sequence
from typing import Any

import pytest

from devtools.embedded.processes import wait_until
from tests.e2e.driver import PHONE, WIDTH, Visitor
from tests.e2e.product import Product

ADA, BEN, MIRA = "ada@example.com", "ben@example.com", "mira@example.com"
LUMEN = "Lumen Shoes EU"
DESK = WIDTH
WORKER_SECONDS = 60

KEPT = bool(os.environ.get("TAKE_PICTURES"))
in_both_widths = pytest.mark.parametrize("width", [DESK, PHONE] if KEPT else [PHONE], ids=str)


def log_in(visitor: Visitor, product: Product, email: str, path: str = "/") -> None:
    """Open a page, be asked who one is, and log in. Whoever did so before on such a device comes with the session of then."""
    context, known = visitor.page.context, product.sessions.get((email, visitor.width))
    if known is not None:
        context.add_cookies([known])  # type: ignore[list-item]  # a dict of these keys
        visitor.open(path)
    if known is None or visitor.page.get_by_label("Password", exact=True).count():
        log_in_by_password(visitor, product, email, path)
        (session,) = (one for one in context.cookies(product.web) if "session" in str(one.get("name")))
        kept = {"name": str(session.get("name")), "value": str(session.get("value")), "url": product.web}
        product.sessions[email, visitor.width] = kept


def log_in_by_password(visitor: Visitor, product: Product, email: str, path: str = "/") -> None:
    """Open a page as a stranger, be asked who one is, and log in."""
    visitor.open(path)
    visitor.log_in(email, product.password(email))


def go_to(visitor: Visitor, name: str) -> None:
    """Staff: choose a page in the sidebar, which a phone opens first."""
    if visitor.width == PHONE:
        visitor.press("Show or hide the menu")
    visitor.follow(name)


def search(visitor: Visitor, words: str) -> None:
    """Staff: search the list that is open."""
    visitor.page.get_by_role("searchbox").first.fill(words)
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url(re.compile(r"[?&]q="))
    visitor.page.wait_for_load_state()


def open_filters(visitor: Visitor) -> None:
    """Staff: unfold the filters of a list, which a phone folds."""
    if visitor.width == PHONE:
        visitor.touch(visitor.page.locator("summary", has_text="Filters"))


def tick_all(visitor: Visitor, number: str) -> None:
    """Staff: tick all rows that match: the page's by the head of the table, which a phone does not show; all by the bar below."""
    page = visitor.page
    head = page.get_by_label("Select all on this page")
    (page.locator("input.action-select").first if visitor.width == PHONE else head).check()
    across = page.get_by_label(f"All {number} that match")
    if across.is_visible():
        across.check()


def bar_deed(visitor: Visitor, name: str) -> None:
    """Staff: press a deed in the bar below a list; what is not shown is in its menu, on a phone all are."""
    bar = visitor.page.locator(".at-pick")
    if not bar.get_by_role("button", name=name, exact=True).count():
        visitor.touch(bar.locator("summary:visible"))
    visitor.touch(bar.get_by_role("button", name=name, exact=True))


def wait_for(visitor: Visitor, path: str, text: str, *, seconds: float = WORKER_SECONDS) -> None:
    """Look at a page until it says this, which the browser shows once it does: showing it costs much more than asking."""
    address = path if path.startswith("http") else f"{visitor.web}{path}"

    def says_it() -> bool:
        html = visitor.page.context.request.get(address).text()
        return text in " ".join(re.sub(r"<[^>]*>", " ", html).split())

    wait_until(says_it, seconds=seconds, every=0.5)
    visitor.open(path)
    visitor.sees(text)


def consent(visitor: Visitor, name: str, *, picture: str = "") -> None:
    """At a channel: say who one is, and press the button that allows it, whatever it is called there."""
    visitor.press(re.compile(name))
    if picture:
        visitor.take(picture)
    visitor.touch(visitor.page.locator("button.main"))


def choose_only(visitor: Visitor, name: str) -> None:
    """On the choose page: tick this account and no other."""
    for row in visitor.page.locator("label.at-choice").all():
        tick = row.get_by_role("checkbox")
        if tick.is_enabled():
            tick.set_checked(name in row.inner_text())


def open_mail(visitor: Visitor, product: Product, mail: dict[str, Any]) -> None:
    """Open a mail as a mail program shows it."""
    visitor.open(f"{product.channels.mailbox}/mails/{mail['id']}/html")
    visitor.fits()


def press_in_mail(visitor: Visitor, name: str) -> None:
    """Press a button or link of the mail that is open. Its page comes in the same window, where a mail program opens another one."""
    link = visitor.page.get_by_role("link", name=re.compile(name)).first
    link.evaluate("one => { one.target = '_self'; }")
    visitor.touch(link)
    visitor.pressed(1)  # a mail runs no script that would count it


def renew_by_the_link(
    person: Visitor, product: Product, mail: dict[str, Any], *, channel: str, name: str, account: str, pictures: Sequence[str] = ()
) -> None:  # fmt: skip
    """From the mail to "Done", without AdToken's password. `pictures`: names of two, of the page before the channel and the one after."""
    before, after = pictures or ("", "")
    open_mail(person, product, mail)
    press_in_mail(person, "^Re-authenticate")
    person.sees(f"Renew your {channel} log-in", "It stopped on", "No AdToken password is needed.", account)
    if before:
        person.take(before)
    person.press(f"Continue to {channel}")
    consent(person, name)
    person.sees("Done. Thank you", f"Your {channel} log-in is renewed", account)
    if after:
        person.take(after)


def evaluate(product: Product) -> str:
    """Let the macros be evaluated by hand; returns what the command says."""
    return product.manage("evaluate_macros").strip()


def open_account(visitor: Visitor, name: str, *, channel: str) -> None:
    """Staff: from the start page to Authenticate Tokens of the account."""
    visitor.open("/admin/")
    go_to(visitor, "Social Accounts")
    rows = visitor.page.get_by_role("rowheader", name=re.compile(rf"{name}\s*{channel} "))
    rows.get_by_role("link", name=name).click()
    visitor.page.wait_for_load_state()
