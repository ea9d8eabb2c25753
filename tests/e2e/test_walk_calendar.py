"""Somebody has their calendar program read the deadlines: makes an address, gives it to the program, and ends it."""

from urllib.request import urlopen

from tests.e2e.driver import Chromium
from tests.e2e.product import Product
from tests.e2e.steps import MIRA, log_in


def test_a_calendar_address_is_made_read_and_revoked(product: Product, chromium: Chromium) -> None:
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, "/profile/")
        mira.follow("Deadlines in your calendar")
        mira.press("Make an address")
        mira.sees("Your new address", "never shown again", "not read yet")
        mira.take("23-calendar")
        address = mira.page.get_by_label("Address", exact=True).input_value()

        with urlopen(address) as answer:
            read = answer.read()
        mira.follow("I have copied it")
        shown = mira.page.inner_text("main")
        mira.follow("Revoke")
        mira.press("Revoke")
        mira.sees("The calendar address is revoked.", "You have none.")

    assert read.startswith(b"BEGIN:VCALENDAR\r\n")
    assert address not in shown
