"""Somebody with 120 accounts leaves: staff look at who could carry on, type the name, and watch the worker end the log-ins.

It runs behind the stories, whose evaluations its accounts that stop would be in the way of.
"""

from tests.e2e.driver import PHONE, Chromium
from tests.e2e.leaver import LEAVERS
from tests.e2e.product import Product
from tests.e2e.steps import DESK, MIRA, WORKER_SECONDS, go_to, in_both_widths, log_in, search

PRESSES = 10  # fewer, for whatever number of accounts


@in_both_widths
def test_a_person_with_120_accounts_is_offboarded_in_under_ten_presses(
    product: Product, chromium: Chromium, width: int
) -> None:
    place = int(width != DESK)
    name, colleague = LEAVERS[place]
    person = product.run("-m", "tests.e2e.leaver", str(place)).split()[-1]
    with chromium.visitor(width=width) as mira:
        log_in(mira, product, MIRA, "/admin/")
        before = mira.presses
        go_to(mira, "People")
        search(mira, name)
        mira.follow(name)
        mira.sees("80 accounts depend on this person alone", "Alster Räder")
        mira.follow("Offboard")
        mira.sees(
            f"Offboard {name}?",
            "80 accounts: nobody else keeps them connected",
            colleague,
            "Add everybody who could back them up at once",
        )
        mira.take("22-offboard", only=DESK)
        if width == DESK:
            mira.take_part("22-offboard-end", ".at-confirm form")
        mira.page.get_by_label(f"Type “{name}” to go on").fill(name)
        mira.press("Offboard")
        mira.page.get_by_text(f"{name} is offboarded").wait_for(timeout=WORKER_SECONDS * 1000)
        mira.take("offboarded-phone", only=PHONE)
        presses = mira.presses - before
        mira.open(f"/admin/users/user/{person}/change/")
        mira.sees("No log-in at a channel.")
    assert 3 < presses < PRESSES
