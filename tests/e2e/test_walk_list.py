"""Actions on 600 accounts: paused on a desktop, though the worker is killed in the middle; resumed on a phone. A macro on 50 and off.

It runs behind the stories, where its accounts would be in the way.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.e2e.driver import PHONE, Chromium, Visitor
from tests.e2e.many import CLIENT, COUNT, FEW, SMALL
from tests.e2e.product import Product
from tests.e2e.steps import DESK, MIRA, bar_deed, in_both_widths, log_in, search, tick_all
from tests.support.processes import Process

LIST = "/admin/accounts/account/"
ALL = f"{COUNT:,}"
BEGINS = 90  # seconds at most, with a tick or two of the clock: the first call may go to the worker that stands still
DONE = 120  # seconds at most, of which a claim of the worker that was killed takes twenty


@pytest.fixture(scope="module")
def many(product: Product) -> None:
    """The accounts."""
    product.run("-m", "tests.e2e.many")


def test_600_accounts_are_paused_though_the_worker_is_killed_and_resumed(
    product: Product, chromium: Chromium, many: None
) -> None:
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, f"{LIST}?q={CLIENT.split()[0]}")
        mira.page.locator("#changelist-form tbody tr a").first.click()
        mira.page.wait_for_url(re.compile(r"/account/\d+/"))
        mira.page.go_back()
        mira.page.locator("#changelist-form tbody .at-tick").first.check()
        mira.sees("1 selected", "Back up", "Apply macro")
        mira.take("many-selected")
        do_in_bulk(mira, product, "Pause", "paused", killed=True)
    assert paused(product) == (COUNT, COUNT)
    with chromium.visitor(width=PHONE) as mira:
        log_in(mira, product, MIRA, f"{LIST}?q={CLIENT.split()[0]}")
        do_in_bulk(mira, product, "Resume", "resumed", killed=False)
    assert paused(product) == (0, COUNT)


def do_in_bulk(mira: Visitor, product: Product, job: str, done: str, *, killed: bool) -> None:
    """Do it to all that match, and wait for the worker. `killed`: in the middle, and wait until another one has done the rest."""
    tick_all(mira, ALL)
    bar_deed(mira, job)
    mira.sees(f"{job} {ALL} accounts?", f"and {COUNT - 100:,} more")
    if killed:
        with another_worker(product) as worker:
            mira.press(re.compile(f"^{job}$"))
            kill_in_the_middle(product, worker)
        mira.page.reload()
        mira.sees(f"{job} accounts ({ALL})", "accounts are done")
        mira.take("many-under-way", only=DESK)
    else:
        mira.press(re.compile(f"^{job}$"))
    mira.page.get_by_text(f"{ALL} {done}").wait_for(timeout=DONE * 1000)
    mira.sees(f"1–100 of {ALL}")
    mira.take("many-done", only=DESK)
    mira.fits()
    if mira.width == DESK:
        mira.open(LIST)
        mira.touch(mira.page.locator(".at-head-actions summary"))
        mira.follow("My jobs")
        mira.sees(f"{job} accounts ({ALL})", f"{ALL} {done}")
        mira.take("my-jobs")


@in_both_widths
def test_a_macro_is_applied_to_50_accounts_and_removed_by_what_the_result_offers(
    product: Product, chromium: Chromium, many: None, width: int
) -> None:
    client = SMALL[int(width != DESK)]
    with chromium.visitor(width=width) as mira:
        log_in(mira, product, MIRA, LIST)
        search(mira, client)
        tick_all(mira, str(FEW))
        bar_deed(mira, "Apply macro")
        mira.sees(f"Apply which macro to {FEW} accounts?")
        mira.page.get_by_label("Macro", exact=True).select_option(index=0)
        mira.press("Apply macro")
        mira.page.get_by_text(f"{FEW} with the macro now").first.wait_for(timeout=DONE * 1000)
        if width != DESK:
            mira.page.get_by_role("link", name=f"({FEW})").click()
            mira.sees(f"Remove which macro from {FEW} accounts?")
            mira.press("Remove macro")
            mira.page.get_by_text(f"{FEW} without the macro now").first.wait_for(timeout=DONE * 1000)


@contextmanager
def another_worker(product: Product) -> Iterator[Process]:
    """Have a worker beside the product's, which stands still meanwhile: where that one ended, its launcher would stop all."""
    first, second = worker_of_jobs(product), Process(["manage.py", "worker", "all"], product.environment())
    try:
        second.start().wait_for(lambda: any("ready." in line for line in second.said))
        os.kill(first, signal.SIGSTOP)
        yield second
    finally:
        os.kill(first, signal.SIGCONT)
        second.end()


def kill_in_the_middle(product: Product, worker: Process) -> None:
    """kill -9 the worker that does the job, once some of it is done."""
    with psycopg.connect(product.facts["database_url"], autocommit=True) as connection:
        end = time.monotonic() + BEGINS
        while time.monotonic() < end:
            row = connection.execute("select done from accounts_job order by id desc limit 1").fetchone()
            if row and 0 < row[0] < COUNT:
                os.kill(worker.pid, signal.SIGKILL)
                return
            time.sleep(0.005)
    raise AssertionError("the job was not seen in its middle")


def worker_of_jobs(product: Product) -> int:
    """Return the number of the worker of this product, and of nobody else's."""
    mine, called = f"DATABASE_URL={product.facts['database_url']}".encode(), b"worker\0all"
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (place / "cmdline").read_bytes(), (place / "environ").read_bytes()
        except OSError:
            continue
        if called in command and mine in environment.split(b"\0"):
            found.append(int(place.name))
    (worker,) = found
    return worker


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
