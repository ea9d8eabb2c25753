"""Somebody leaves: staff look at who could carry on, type the name, and watch the worker end the log-ins. It runs behind the stories,
whose evaluations its accounts that stop would be in the way of."""

import json

from tests.e2e.driver import Chromium
from tests.e2e.leaver import COLLEAGUE, NAME
from tests.e2e.product import Product
from tests.e2e.steps import MIRA, log_in

WORKER_SECONDS = 30


def test_a_person_is_offboarded_in_three_presses(product: Product, chromium: Chromium) -> None:
    person = json.loads(product.run("-m", "tests.e2e.leaver").splitlines()[-1])["person"]
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, f"/admin/users/user/{person}/change/")
        mira.sees("8 accounts depend on this person alone", "Nordlicht Optik")
        mira.follow("Offboard")
        mira.sees(
            f"Offboard {NAME}?",
            "8 accounts: nobody else carries them",
            COLLEAGUE,
            "Add the backups that are at hand to 2 accounts",
        )
        mira.take("22-offboard")
        mira.page.get_by_label(f"Type “{NAME}” to go on").fill(NAME)
        mira.press("Offboard")
        mira.page.get_by_text(f"{NAME} is offboarded").wait_for(timeout=WORKER_SECONDS * 1000)
        mira.open(f"/admin/users/user/{person}/change/")
        mira.sees("No log-in at a channel.")
