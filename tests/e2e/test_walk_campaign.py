"""30 log-ins are asked for together: four presses, then the board; one of the people renews by the mailed link.

It runs behind the stories, whose evaluations its accounts would be in the way of. Reminders are tests/accounts/asks/test_services.py.
"""

import re

from tests.e2e.campaigners import CAMPAIGNS, Campaign
from tests.e2e.driver import PHONE, Chromium, Visitor
from tests.e2e.product import Product
from tests.e2e.steps import (
    DESK,
    MIRA,
    bar_deed,
    consent,
    go_to,
    in_both_widths,
    log_in,
    open_filters,
    open_mail,
    press_in_mail,
    search,
    tick_all,
    wait_for,
)


@in_both_widths
def test_30_log_ins_are_asked_for_in_four_presses_and_the_board_says_how_far_each_is(
    product: Product, chromium: Chromium, width: int
) -> None:
    campaign = CAMPAIGNS[int(width != DESK)]
    product.run("-m", "tests.e2e.campaigners", campaign.domain)
    with chromium.visitor(width=width) as mira:
        log_in(mira, product, MIRA, "/admin/")
        staff_see_what_stops_in_14_days_and_who_can_save_it(mira, campaign)
        board = staff_begin_the_campaign(mira, campaign)
        wait_for(mira, board, "Sent 30")
        with chromium.visitor(width=width) as nils:
            nils_renews_and_the_board_follows(nils, mira, board, product, campaign)
        product.run("-m", "tests.e2e.campaigners", campaign.domain, "later")
        wait_for(mira, board, "12 of 30 log-ins are renewed")  # the worker may hold the lines at this moment
        wait_for(mira, board, "the address is parked")
        mira.sees("Stopped at the channel")
        mira.take("campaign-board", only=DESK)
        mira.take("campaign-board-phone", only=PHONE)
        staff_stop_it(mira)


def staff_see_what_stops_in_14_days_and_who_can_save_it(mira: Visitor, campaign: Campaign) -> None:
    go_to(mira, "Social Accounts")
    open_filters(mira)
    mira.touch(mira.page.locator("summary.at-chip", has_text="Days left"))
    mira.follow("14 or fewer")
    mira.sees("Nils Petersen")


def staff_begin_the_campaign(mira: Visitor, campaign: Campaign) -> str:
    go_to(mira, "Authenticate Tokens")
    search(mira, campaign.domain)
    tick_all(mira, "30")
    bar_deed(mira, "Ask")
    mira.sees("Ask 30 people to re-authenticate?", "Nils Petersen", "after 2 and 5 days")
    mira.page.get_by_label("Note in the mail").fill("Please before Friday: the new season starts on Monday.")
    mira.take("campaign-begin", only=DESK)
    mira.press("Send the mails")
    mira.sees("30 log-ins are asked for.", "0 of 30 log-ins are renewed")
    return mira.page.url


def nils_renews_and_the_board_follows(
    nils: Visitor, mira: Visitor, board: str, product: Product, campaign: Campaign
) -> None:
    mail = product.mails_to(campaign.nils, 1)[0]
    assert "Please before Friday" in mail["text"]
    open_mail(nils, product, mail)
    press_in_mail(nils, "^Re-authenticate")
    wait_for(mira, board, "Opened 1")
    nils.press(re.compile("^Continue to"))
    wait_for(mira, board, "At the channel 1")
    consent(nils, "Emil Novak")
    nils.sees("Fern Gardens")
    wait_for(mira, board, "Done 1")


def staff_stop_it(mira: Visitor) -> None:
    mira.follow(re.compile(r"^Failed \d"))
    mira.sees("Mail does not reach the person")
    mira.touch(mira.page.get_by_role("link", name="Stop", exact=True))
    mira.sees("Not renewed yet: ")
    mira.press("Stop")
    mira.sees("Stopped. Nobody is reminded.", "Not done")
    mira.open("/admin/accounts/ask/")
    mira.sees("12 of 30")
