"""Somebody without an account here gives access by a client link, on a phone: from the mail to done. Pinterest is this walk's channel."""

import re
import time

from tests.e2e.driver import Chromium
from tests.e2e.product import Product
from tests.e2e.steps import MIRA, log_in

CLIENT, PHONE, SECONDS = "clara@client.example", 390, 60


def test_a_client_gives_access_on_a_phone_and_a_marketer_invites_a_backup(
    product: Product, chromium: Chromium
) -> None:
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, "/client-links/")
        mira.page.get_by_label("E-mail", exact=True).fill(CLIENT)
        mira.page.get_by_label("Name").fill("Clara Client")
        mira.page.get_by_label("Pinterest").check()
        mira.page.get_by_label("A line of yours").fill("For the spring campaign")
        mira.take("client-link-make")
        mira.press("Make and send the link")
        mira.sees("A mail with the link goes to", CLIENT)
        mira.take("client-link-made")
    mail = product.mails_to(CLIENT, 1)[0]
    link = re.search(rf"{product.web}/give-access/\S+", mail["text"])
    assert link is not None, mail["text"]
    with chromium.visitor(width=PHONE) as anybody:
        anybody.open(f"{product.channels.mailbox}/mails/{mail['id']}/html")
        anybody.take("client-link-mail", width=PHONE)
    began = time.monotonic()
    with chromium.visitor(width=PHONE) as clara:
        clara.open(link.group())
        clara.sees(
            "asks for access to your ad accounts", "For the spring campaign", "You choose which accounts."
        )
        clara.take("client-link-page", width=PHONE)
        clara.press("Continue to Pinterest")
        clara.press("Ada Okafor")
        clara.page.locator("button.main").click()
        clara.page.wait_for_load_state()
        clara.sees("Which ad accounts do you give access to?")
        clara.take("client-link-choose", width=PHONE)
        clara.press("Give access")
        clara.sees("Thank you. That was all")
        clara.take("client-link-done", width=PHONE)
    assert time.monotonic() - began < SECONDS
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, "/client-links/")
        mira.sees("Clara Client", "Used", "linked")
        mira.follow(re.compile("Clara Client"))
        mira.page.locator("section a.at-row").first.click()
        mira.page.wait_for_load_state()
