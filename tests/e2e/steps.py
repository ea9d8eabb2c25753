"""Steps that both stories take."""

import re

from tests.e2e.driver import Visitor
from tests.e2e.product import Product

ADA, BEN, MIRA = "ada@example.com", "ben@example.com", "mira@example.com"
LUMEN = "Lumen Shoes EU"


def log_in(visitor: Visitor, product: Product, email: str, path: str = "/") -> None:
    """Open a page as a stranger, be asked who one is, and log in."""
    visitor.open(path)
    visitor.log_in(email, product.password(email))


def consent_at_facebook(visitor: Visitor, name: str, *, picture: str = "") -> None:
    """At Facebook: say who one is, and press Continue."""
    visitor.press(name)
    if picture:
        visitor.take(picture)
    visitor.press("Continue")


def consent_at_x(visitor: Visitor, name: str, *, picture: str = "") -> None:
    """At X: say who one is, and press Authorize app."""
    visitor.press(re.compile(name))
    if picture:
        visitor.take(picture)
    visitor.press("Authorize app")


def choose_only(visitor: Visitor, name: str) -> None:
    """On the choose page: tick this account and no other."""
    for row in visitor.page.locator("label.at-choice").all():
        tick = row.get_by_role("checkbox")
        if tick.is_enabled():
            tick.set_checked(name in row.inner_text())


def evaluate(product: Product) -> str:
    """Let the macros be evaluated by hand; returns what the command says."""
    return product.manage("evaluate_macros").strip()


def open_account(visitor: Visitor, name: str, *, channel: str) -> None:
    """Staff: from the start page to Authenticate Tokens of the account."""
    visitor.open("/admin/")
    visitor.follow("Social Accounts")
    rows = visitor.page.get_by_role("rowheader", name=re.compile(rf"{name}\s*{channel} "))
    rows.get_by_role("link", name=name).click()
    visitor.page.wait_for_load_state()
