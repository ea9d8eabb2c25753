"""Every page as people see it: walked by axe, and not wider than a phone. The pages are those of tests/e2e/pages.py.

Each is looked at once, by turns on a desktop in light and in English, and on a phone in dark and in German, and axe is asked of two texts
that look alike whether they can be read. PHOTOGRAPHS=folder looks at each on both, in light and dark, at the main ones in both languages
each, asks of all texts, photographs them into that folder, and tells there what axe found (findings.jsonl), and how many of all of it
there are (totals.json).
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser

from tests.e2e.driver import Chromium
from tests.e2e.inspector import ENGLISH, FINDINGS, GERMAN, KEPT, Album, Window, looks_of
from tests.e2e.pages import BOSS, GROUPS, MAIL, Shot
from tests.e2e.product import Served, launched, pages_alone
from tests.support import migrated


@pytest.fixture(scope="module")
def product(place: Path) -> Iterator[Served]:
    """Pages alone, of a database of their own. On a server that is not ours, where nothing is copied, the whole product."""
    with migrated.copied(f"photographs_{os.getpid()}") as database_url:
        serving = pages_alone if database_url else launched
        with serving(place / "photographs", database_url=database_url) as running:
            running.finish_todays_evaluation()
            yield running


@pytest.fixture(scope="module")
def fleet(product: Served) -> Iterator[Any]:
    """The 300 accounts of an agency, and what the photographs need to know of them."""
    if KEPT:
        Path(KEPT).mkdir(parents=True, exist_ok=True)
        (Path(KEPT) / FINDINGS).unlink(missing_ok=True)
    yield json.loads(product.run("-m", "tests.e2e.fleet").splitlines()[-1])
    if KEPT:
        write_totals(Path(KEPT))


def write_totals(kept: Path) -> None:
    """Write how many pages were looked at, how often, and what axe found, by weight: totals.json."""
    lines = [json.loads(line) for line in (kept / FINDINGS).read_text(encoding="utf-8").splitlines()]
    counts: Counter[str] = sum((Counter(line["counts"]) for line in lines), Counter())
    weights = ("critical", "serious", "moderate", "minor")
    totals = {
        "pages": len({page for line in lines for page in line["pages"]}),
        **{name: counts[name] for name in ("looks", "photographs", *weights)},
    }
    (kept / "totals.json").write_text(json.dumps(totals) + "\n")


def speak(product: Served, fleet: Any, locale: str) -> None:
    """Have everybody of the fleet read this language, as their profile would."""
    language = {ENGLISH: "en-gb", GERMAN: "de"}[locale]
    with psycopg.connect(product.facts["database_url"]) as connection:
        connection.execute(
            "update users_user set language = %s where id = any(%s)", [language, fleet["visitors"]]
        )


@pytest.fixture(scope="module")
def album(browser: Browser, product: Served, pictures: Path, fleet: Any) -> Iterator[Album]:
    """Windows to look in."""
    with closing(Album(Chromium(browser, product.web, pictures), fleet)) as opened:
        yield opened


def look_at(album: Album, product: Served, shots: list[Shot], *, mails: bool = False) -> list[str]:
    """Look at these pages, in the order of languages, so that each is spoken once. Return what is wrong."""
    windows: dict[Window, list[tuple[Shot, list[int]]]] = defaultdict(list)
    for shot in shots:
        for window, widths in looks_of(shot).items():
            windows[window].append((shot, widths))
    for window in sorted(windows, key=lambda one: one.locale):
        speak(product, album.facts, window.locale)
        with album.inspecting(window) as inspector:
            for shot, widths in windows[window]:
                inspector.look_at(shot, widths, mail=mails)
    return album.troubles()


@pytest.mark.parametrize("subject", GROUPS)
def test_pages(product: Served, album: Album, subject: str) -> None:
    assert look_at(album, product, GROUPS[subject]) == []


def test_mails(product: Served, album: Album, fleet: Any) -> None:
    """The mails as their page in the portal shows them: whole, in its reader's language."""
    shots = [Shot(f"mail-of-{kind}", BOSS, MAIL.replace("KIND", kind)) for kind in fleet["mails"]]

    troubles = look_at(album, product, shots, mails=True)

    assert troubles == []
    assert len(shots) > 15


def test_a_person_agrees_to_back_up_an_account_in_the_browser(
    product: Served, chromium: Chromium, fleet: Any
) -> None:
    speak(product, fleet, ENGLISH)
    with chromium.visitor() as lena:
        lena.open("/")
        lena.log_in(fleet["marketer"], fleet["password"])
        lena.sees("May your log-in back up 2 accounts?")
        lena.follow("See and answer")
        lena.sees("I am away in August.")
        lena.press("Agree to all")
        lena.sees("Thank you. Your log-in backs up 2 accounts now.")
