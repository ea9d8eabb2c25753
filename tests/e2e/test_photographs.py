"""Every page as people see it: not wider than a phone, without trouble in the browser. The pages are those of tests/e2e/pages.py.

Each is looked at once, by turns on a desktop in light and in English, and on a phone in dark and in German. Those
which hold every part that pages and mails are made of are walked by axe, which is asked of two texts that look alike whether they can be
read.
Whatever has a name has one of a single long word, as ad accounts often have, and fits with it. That word ends with markup: a page or mail
that does not escape it has the browser ask for what is not there.

PHOTOGRAPHS=folder looks at all, on both, in light and dark, at the main ones in both languages each, with names of all kinds, asks axe
of all pages and texts, photographs them into that folder, and tells there what axe found (findings.jsonl), and how many of each there are
(totals.json).
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

from tests.e2e.driver import Chromium, Windows
from tests.e2e.fleet import BOSS as BOSS_EMAIL
from tests.e2e.inspector import ENGLISH, FINDINGS, GERMAN, KEPT, Album, Window, looks_of
from tests.e2e.pages import BOSS, GROUPS, MAIL, WALKED, Shot
from tests.e2e.product import Served, launched, pages_alone
from tests.support import migrated

ONE_WORD = [] if KEPT else ["--one-word"]


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
    yield json.loads(product.run("-m", "tests.e2e.fleet", *ONE_WORD).splitlines()[-1])
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
def album(windows: Windows, product: Served, fleet: Any) -> Iterator[Album]:
    """Windows to look in."""
    with closing(Album(Chromium(windows, product.web, None), fleet)) as opened:
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
    assert {name for name in WALKED if name.startswith("mail-of-")} <= {shot.name for shot in shots}


LIST = "/admin/accounts/account/"
ROWS_IN_SIGHT = """() => [...document.querySelectorAll("#changelist-form tbody tr")]
  .filter(row => row.getBoundingClientRect().bottom <= innerHeight).length"""


def test_nine_accounts_fit_and_rows_deeds_filters_and_search_are_reached_by_keys(
    product: Served, chromium: Chromium, fleet: Any
) -> None:
    speak(product, fleet, ENGLISH)
    with chromium.visitor() as boss:
        page, press = boss.page, boss.page.keyboard.press
        boss.open(LIST)
        boss.log_in(BOSS_EMAIL, fleet["password"])
        assert page.evaluate(ROWS_IN_SIGHT) >= 9
        deeds = page.locator(".at-row-deeds")
        seen = [deeds.nth(3).evaluate("one => getComputedStyle(one).opacity")]
        page.locator("#changelist-form tbody tr").nth(3).hover()
        seen.append(deeds.nth(3).evaluate("one => getComputedStyle(one).opacity"))
        assert seen == ["0", "1"]

        page.mouse.move(0, 0)
        page.locator("#changelist-form tbody tr a").nth(0).focus()
        for _ in range(9):
            press("Tab")
            if page.locator(".at-row-deeds :focus").count():
                break
        assert deeds.nth(0).evaluate("one => getComputedStyle(one).opacity") == "1"
        page.locator(".at-chips summary").nth(0).focus()
        press("Enter")
        assert page.locator(".at-chips details[open]").count() == 1
        press("Escape")
        assert page.locator(".at-chips details[open]").count() == 0
        press("Control+k")
        page.locator("#search-input-command:focus").wait_for()
        press("Escape")
        page.locator("#search-input-command").wait_for(state="hidden")
        sidebar = page.locator("#nav-sidebar")
        for state in ("hidden", "visible"):
            boss.page.get_by_role("button", name="Show or hide the menu").click()
            sidebar.wait_for(state=state)
        sidebar.locator("summary").click()
        for theme in ("Dark", "Light"):
            sidebar.get_by_role("button", name=theme).click()
            page.locator(f"html.{theme.lower()}").wait_for()
