"""Told at once: staff tick it, a log-in dies, and its watcher reads so and says "I am on it". Its person renews, and the
page of the watcher's mail says that the account works again. On a phone; where pictures are taken, on a desktop too, with another account.
"""

import json
from contextlib import closing
from typing import Any

from devtools.embedded.processes import wait_until
from tests.e2e.driver import PHONE, Chromium, Visitor
from tests.e2e.job import Job
from tests.e2e.product import MAIL_SECONDS, Product
from tests.e2e.steps import DESK, KEPT, MIRA, log_in, open_mail, press_in_mail, renew_by_the_link
from tests.e2e.watchers import CHANNEL, WATCHED, Watched

MAIL_WIDTH = 680  # of the picture: a mail is at most 600 px wide
PLACES = ((DESK, 0), (PHONE, 1)) if KEPT else ((PHONE, 1),)  # widths, and whose account


def test_a_death_reaches_its_watcher_and_the_page_of_the_mail_tells_the_recovery(
    product: Product, chromium: Chromium
) -> None:
    product.channels.delete_mails()
    macros = json.loads(product.run("-m", "tests.e2e.watchers").splitlines()[-1])
    places = [(width, WATCHED[number]) for width, number in PLACES]
    for width, number in PLACES:
        with chromium.visitor(width=width) as mira:
            log_in(mira, product, MIRA, f"/admin/macros/macro/{macros[number]}/change/")
            staff_tick_what_is_told_at_once(mira)
    for _, one in places:
        it_dies(product, one)
    mails = {
        width: the_mail(product, to=one.watcher, subject=f"{one.account} is deactivated")
        for width, one in places
    }
    for width, one in places:
        mail = mails[width]
        with chromium.visitor(width=width) as watcher:
            the_watcher_is_on_it(watcher, product, mail, one)
    for width, one in places:
        stopped = the_mail(product, to=one.email, subject=one.account)
        with chromium.visitor(width=width) as person:
            renew_by_the_link(
                person, product, stopped, channel="LinkedIn", name=one.name, account=one.account,
                pictures=["renew-phone", "renewed-phone"] if width == PHONE else (),
            )  # fmt: skip
    for width, one in places:
        with chromium.visitor(width=width) as watcher:
            open_mail(watcher, product, mails[width])
            press_in_mail(watcher, "^Ask .* again$")
            watcher.sees(one.account, f"through {one.name}")


def staff_tick_what_is_told_at_once(mira: Visitor) -> None:
    mira.page.get_by_label("Deactivated", exact=True).check()
    mira.page.get_by_label("Works again", exact=True).check()
    mira.press("Save macro")
    mira.sees("Macro saved.")


def it_dies(product: Product, one: Watched) -> None:
    """The person removes AdToken there, and a publishing job is the first to hear of it."""
    product.channels.cancel_authorisation(CHANNEL, one.key)
    with closing(Job(product, CHANNEL, one.native_id)) as job:
        lease = job.lease().json()
        refused = job.bare.get(
            f"{lease['base_url']}/adAccounts/{one.native_id}", headers=lease["send"]["headers"]
        )
        assert refused.status_code == 401, refused.text
        assert job.report(lease, refused)["action"] == "retry_later"
    product.three_hours_pass()


def the_mail(product: Product, **wanted: str) -> dict[str, Any]:
    """Wait for this mail as long as people do, and demand that it came alone."""
    wait_until(lambda: bool(product.channels.mails(**wanted)), seconds=MAIL_SECONDS, every=0.5)
    (mail,) = product.channels.mails(**wanted)
    return mail


def the_watcher_is_on_it(watcher: Visitor, product: Product, mail: dict[str, Any], one: Watched) -> None:
    open_mail(watcher, product, mail)
    watcher.sees(f"{one.account} is deactivated", one.name)
    watcher.take("instant-mail", width=MAIL_WIDTH, only=DESK)
    press_in_mail(watcher, "Say that you are on it")
    watcher.sees("I am on it", one.account)
    watcher.take("instant-on-it-phone", only=PHONE)
    watcher.press("Send")
    watcher.sees("Noted: you are on it")
    open_mail(watcher, product, mail)
    press_in_mail(watcher, "^Ask .* again$")
    watcher.sees(one.account, "again", "Noted: you are on it")
