"""A deed on 1,500 accounts whose worker is killed in the middle, on a desktop; its undo, on a phone. It runs behind the stories."""

import os
import re
import signal
import time
from pathlib import Path

import psycopg

from tests.e2e.driver import Chromium
from tests.e2e.many import CLIENT, COUNT
from tests.e2e.product import Product
from tests.e2e.steps import MIRA, log_in

PHONE = 390
LIST = "/admin/accounts/account/"
TAKEN_OVER = 60  # seconds at most: a claim lasts twenty


def test_1500_accounts_are_paused_though_the_worker_is_killed_and_resumed_by_one_undo(
    product: Product, chromium: Chromium
) -> None:
    product.run("-m", "tests.e2e.many")
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, f"{LIST}?q={CLIENT.split()[0]}")
        mira.page.keyboard.press("j")
        mira.page.keyboard.press("x")
        mira.sees("1 selected", "Ask to re-authenticate", "Move to team")
        mira.take("many-selected")
        mira.page.get_by_label("All 1,500 that match").check()
        mira.page.locator(".at-pick-wide summary").click()
        mira.press("Pause")
        mira.sees("Pause 1,500 accounts?", "and 1,400 more")
        mira.press(re.compile("^Pause 1,500"))
        pid = kill_the_worker_in_the_middle(product)
        mira.page.reload()
        mira.sees("Pause 1,500 accounts", "accounts are done")
        mira.take("many-under-way")
        mira.page.get_by_text("1,500 paused").wait_for(timeout=TAKEN_OVER * 1000)
        mira.sees("can be undone until", "1–100 of 1,500")
        mira.take("many-done")
        page = mira.page.url
    assert pid
    assert paused(product) == (COUNT, COUNT)
    with chromium.visitor(width=PHONE) as mira:
        log_in(mira, product, MIRA, page.removeprefix(product.web))
        mira.follow("Undo")
        mira.sees("Undo it for 1,500 accounts?")
        mira.press("Undo")
        mira.page.get_by_text("1,500 taken back").wait_for(timeout=TAKEN_OVER * 1000)
        mira.take("many-undo-phone", width=PHONE)
    assert paused(product) == (0, COUNT)
    out_of_the_way(product)


def out_of_the_way(product: Product) -> None:
    """Let the accounts be no dark ones at the head of every list that is photographed later."""
    with psycopg.connect(product.facts["database_url"]) as connection:
        connection.execute(
            "update accounts_account set paused_at = now(), state = 'paused' where name like %s",
            [f"{CLIENT} %"],
        )


def kill_the_worker_in_the_middle(product: Product) -> int:
    """kill -9 whoever does the deed, once some of it is done. Return its number."""
    with psycopg.connect(product.facts["database_url"], autocommit=True) as connection:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            row = connection.execute("select done from accounts_deed order by id desc limit 1").fetchone()
            if row and 0 < row[0] < COUNT:
                workers = workers_of(product)
                for pid in workers:
                    os.kill(pid, signal.SIGKILL)
                return workers[0]
            time.sleep(0.005)
    raise AssertionError("the deed was not seen in its middle")


def workers_of(product: Product) -> list[int]:
    """Return the numbers of the workers of this product, and of nobody else's."""
    mine = f"DATABASE_URL={product.facts['database_url']}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (place / "cmdline").read_bytes(), (place / "environ").read_bytes()
        except OSError:
            continue
        if b"celery" in command and b"worker" in command and mine in environment.split(b"\0"):
            found.append(int(place.name))
    return found


def paused(product: Product) -> tuple[int, int]:
    """Return how many of the accounts are paused, and how many of them have exactly one event of it."""
    with psycopg.connect(product.facts["database_url"]) as connection:
        row = connection.execute(
            """with once as (select account_id from accounts_accountevent where kind = 'paused' group by 1 having count(*) = 1)
               select count(*) filter (where paused_at is not null), count(*) filter (where id in (select account_id from once))
               from accounts_account where name like %s""",
            [f"{CLIENT} %"],
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
