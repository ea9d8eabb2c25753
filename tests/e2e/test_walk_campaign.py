"""30 log-ins are asked for together: four presses, then the board; one of the people renews by the mailed link on a phone.

It runs behind the stories, whose evaluations its accounts would be in the way of. Reminders are tests/accounts/test_campaigns.py.
"""

import re
import time

from tests.e2e.campaigners import DOMAIN, NILS
from tests.e2e.driver import Chromium, Visitor
from tests.e2e.product import Product
from tests.e2e.steps import MIRA, consent_at_facebook, log_in

PHONE, WORKER_SECONDS, ASKING_SECONDS = 390, 60, 60


def test_30_log_ins_are_asked_for_in_four_presses_and_the_board_says_how_far_each_is(
    product: Product, chromium: Chromium
) -> None:
    product.run("-m", "tests.e2e.campaigners")
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, "/admin/")
        began = time.monotonic()
        mira.follow("Authenticate Tokens")
        mira.page.get_by_role("searchbox").fill(DOMAIN)
        mira.page.keyboard.press("Enter")
        mira.page.wait_for_url(re.compile("q="))
        mira.page.get_by_label("Select all on this page").check()
        mira.press("Begin a re-auth campaign")
        mira.sees("Begin a re-auth campaign with 30 people?", "Nils Petersen", "after 2 and 5 days")
        mira.page.get_by_label("Note in the mail").fill(
            "Please before Friday: the new season starts on Monday."
        )
        mira.take("campaign-begin")
        mira.press("Begin the campaign")
        mira.sees("The campaign has begun: 30 log-ins are asked for.", "0 of 30 log-ins are renewed")
        assert time.monotonic() - began < ASKING_SECONDS
        board = mira.page.url
        wait_for(mira, board, "Sent 30")
        mail = product.mails_to(NILS, 1)[0]
        assert "Please before Friday" in mail["text"]
        link = re.search(rf"{product.web}/renew/\S+", mail["text"])
        assert link is not None, mail["text"]
        with chromium.visitor(width=PHONE) as nils:
            nils.open(link.group())
            wait_for(mira, board, "Opened 1")
            nils.press("Continue to Facebook")
            nils.page.wait_for_load_state()
            wait_for(mira, board, "At the channel 1")
            consent_at_facebook(nils, "Emil Novak")
            nils.sees("Fern Gardens")
        wait_for(mira, board, "Done 1")
        product.run("-m", "tests.e2e.campaigners", "later")
        mira.open(board)
        mira.sees("12 of 30 log-ins are renewed", "the address is parked", "Stopped at the channel")
        mira.take("campaign-board")
        mira.follow(re.compile(r"^Failed \d"))
        mira.sees("Mail does not reach the person")
        mira.page.get_by_role("link", name="Stop", exact=True).click()
        mira.page.wait_for_load_state()
        mira.sees("Stop the campaign", "log-ins are not renewed yet")
        mira.press("Stop the campaign")
        mira.sees("The campaign is stopped.", "Not done")
    with chromium.visitor(width=PHONE, theme="dark") as mira:
        log_in(mira, product, MIRA, board)
        mira.sees("12 of 30 log-ins are renewed")
        mira.take("campaign-board-phone", width=PHONE)
        mira.open("/admin/accounts/campaign/")
        mira.sees("12 of 30")


def wait_for(mira: Visitor, board: str, text: str) -> None:
    """Look at the board until it says this."""
    until = time.monotonic() + WORKER_SECONDS
    while time.monotonic() < until:
        mira.open(board)
        if text in mira.text():
            return
        time.sleep(0.3)
    mira.sees(text)
