"""A client gives access by a link, on a phone, from the mail to done; then a second person is invited. Pinterest is this walk's channel."""

import re
import time

from tests.e2e.driver import Chromium
from tests.e2e.product import Product
from tests.e2e.steps import LUMEN, MIRA, log_in

CLIENT, SECOND, PHONE, SECONDS = "clara@client.example", "sasha@example.com", 390, 60
PASSWORD = "correct horse battery staple"


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
        mira.follow(re.compile(LUMEN))
        mira.sees("Who keeps it connected", "Clara Client")
        mira.follow("Invite a backup")
        mira.page.get_by_label("E-mail of the second person").fill(SECOND)
        mira.page.get_by_label("A line of yours").fill("You know this client best")
        mira.take("invite-backup")
        mira.press("Send the invitation")
        mira.sees(f"A mail goes to {SECOND}", f"{SECOND} was invited on")
        mira.take("invite-backup-sent")
    invited = re.search(rf"{product.web}/invitation/\S+", product.mails_to(SECOND, 1)[0]["text"])
    assert invited is not None
    with chromium.visitor(width=PHONE) as second:
        second.open(invited.group())
        second.page.get_by_label("Your name").fill("Sasha Second")
        second.page.get_by_label("Password", exact=True).fill(PASSWORD)
        second.page.get_by_label("Password, once more").fill(PASSWORD)
        second.press("Accept the invitation")
        second.sees("You are asked to link", "They are ticked for you when you come back.")
        second.take("invite-backup-phone", width=PHONE)
        second.press("Continue to Pinterest")
        second.press("Ben Lindqvist")
        second.page.locator("button.main").click()
        second.page.wait_for_load_state()
        second.sees("Which ad accounts should AdToken keep connected?", "1 selected")
