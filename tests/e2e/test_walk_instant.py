"""Told at once: staff tick it, a log-in dies, and its watcher reads so within a minute and says "I am on it". Its person renews, and the
page of the watcher's mail says that the account works again. On a phone; where pictures are taken, on a desktop too, with another account.
"""

import json
from contextlib import closing
from datetime import datetime
from typing import Any

import psycopg

from devtools.embedded.processes import wait_until
from tests.e2e.driver import PHONE, Chromium, Visitor
from tests.e2e.job import Job
from tests.e2e.product import Product
from tests.e2e.steps import DESK, KEPT, MIRA, log_in, open_mail, press_in_mail, renew_by_the_link
from tests.e2e.watchers import CHANNEL, WATCHED, Watched

WITHIN = 60.0  # seconds from the death to the watcher's mailbox
MAIL_WIDTH = 680  # of the picture: a mail is at most 600 px wide
PLACES = ((DESK, 0), (PHONE, 1)) if KEPT else ((PHONE, 1),)  # widths, and whose account


def test_a_death_reaches_its_watcher_within_a_minute_and_the_page_of_the_mail_tells_the_recovery(
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
    mails = {width: the_watchers_mail(product, one) for width, one in places}
    for width, one in places:
        mail = mails[width]
        with chromium.visitor(width=width) as watcher:
            the_watcher_is_on_it(watcher, product, mail, one)
    for width, one in places:
        (stopped,) = product.channels.mails(to=one.email, subject=one.account)
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


def the_watchers_mail(product: Product, one: Watched) -> dict[str, Any]:
    """Wait for the watcher's mail about the end; demand that it came within a minute of it, and alone."""
    said = f"{one.account} is deactivated"

    def found() -> list[dict[str, Any]]:
        return product.channels.mails(to=one.watcher, subject=said)

    wait_until(lambda: bool(found()), seconds=2 * WITHIN, every=0.5)
    (mail,) = found()
    seconds = (
        datetime.fromisoformat(mail["received_at"]) - moment(product, one, "deactivated")
    ).total_seconds()
    assert 0 < seconds < WITHIN
    return mail


def moment(product: Product, one: Watched, event: str) -> datetime:
    with psycopg.connect(product.facts["database_url"]) as connection:
        row = connection.execute(
            """select e.at from accounts_accountevent e join accounts_account a on a.id = e.account_id
               where a.channel = %s and a.native_id = %s and e.kind = %s order by e.id desc limit 1""",
            [CHANNEL, one.native_id, event],
        ).fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


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
