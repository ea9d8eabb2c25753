"""A lead orders her team's weekly digest, reads it, has it sent, stops it by its link; staff add the client's director."""

import re

from tests.e2e.digest_team import LEAD, TEAM
from tests.e2e.driver import Chromium
from tests.e2e.product import Product
from tests.e2e.steps import MIRA, log_in
from tests.support.factories import PASSWORD

PHONE = 390


def test_a_digest_is_ordered_read_sent_and_stopped_by_its_link(product: Product, chromium: Chromium) -> None:
    team = product.run("-m", "tests.e2e.digest_team").strip().splitlines()[-1]
    with chromium.visitor(width=PHONE) as lea:
        lea.open("/profile/")
        lea.log_in(LEAD, PASSWORD)
        lea.follow(re.compile("Weekly digest"))
        lea.page.get_by_label(TEAM, exact=True).check()
        lea.press("Save")
        lea.sees("Saved.")
        lea.follow("What would it say now?")
        lea.sees("This week: one account went dark")
        lea.page.frame_locator("iframe").get_by_text("Nordlicht Optik DE").first.wait_for()
        lea.take("digest-now-phone", width=PHONE)
        lea.press("Send it to me now")
        lea.page.get_by_text(f"It is on its way to {LEAD}.").wait_for()
    mail = product.mails_to(LEAD, 1)[0]
    link = re.search(rf"{product.web}/mails/\S+/stop-digest/", mail["text"])
    assert link is not None, mail["text"]
    with chromium.visitor() as anybody:
        anybody.open(f"{product.channels.mailbox}/mails/{mail['id']}/html")
        anybody.take("digest-mail")
        anybody.open(link.group())
        anybody.press("Stop the weekly digest")
        anybody.page.get_by_text(f"no more digests of the team {TEAM}").wait_for()
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, f"/admin/users/team/{team}/change/")
        mira.sees("Weekly digest also to", "Nobody beside the people of the team")
        mira.page.locator("main, #main").get_by_role("link", name="Change", exact=True).click()
        mira.page.get_by_label("E-mail addresses").fill("director@nordlicht.example")
        mira.take("digest-addresses")
        mira.press("Save the addresses")
        mira.page.get_by_text(f"gets the weekly digest of {TEAM} from now on.").wait_for()
