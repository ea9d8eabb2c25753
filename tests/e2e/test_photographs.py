"""Every page as people see it: walked by axe, and not wider than a phone.

A page is checked twice: on a desktop in light and in English, on a phone in dark and in German, whose words are longer. PHOTOGRAPHS=folder
checks all eight and photographs them into that folder.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product as product_of
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.e2e.driver import HEIGHT, Chromium, Theme, Visitor
from tests.e2e.product import Product
from tests.e2e.steps import MIRA


class Look(NamedTuple):
    """How a page is looked at."""

    width: int
    theme: Theme
    locale: str

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}-{self.locale[:2]}"


KEPT = os.environ.get("PHOTOGRAPHS", "")
PHONE, DESK = 390, 1280
ENGLISH, GERMAN = "en-GB", "de-DE"
THEMES: tuple[Theme, ...] = ("light", "dark")
LOOKS: list[Look] = [Look(DESK, "light", ENGLISH), Look(PHONE, "dark", GERMAN)]
if KEPT:
    LOOKS = [Look(*look) for look in product_of((DESK, PHONE), THEMES, (ENGLISH, GERMAN))]
GRAVE = {"serious", "critical"}
DEMANDED = {"landmark-one-main", "skip-link"}  # whatever axe thinks of their weight

# Parts of the theme that are not ours to change: selector -> why. As narrow as can be.
THEMES_OWN: dict[str, str] = {}

# Where the first link leads, and words of the theme's icon font that a screen reader would read aloud.
FIRST_LINK = "() => document.querySelector('a[href]')?.getAttribute('href') ?? ''"
READ_ALOUD = "() => [...document.querySelectorAll('.material-symbols-outlined:not([aria-hidden])')].map(icon => icon.textContent.trim())"
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

in_each_look = pytest.mark.parametrize("look", LOOKS, ids=str)


@pytest.fixture(scope="module")
def fleet(product: Product) -> Any:
    """The 200 accounts."""
    return json.loads(product.run("-m", "tests.e2e.fleet").splitlines()[-1])


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the photographs go."""
    folder = Path(KEPT) if KEPT else tmp_path_factory.mktemp("photographs")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Inspector:
    """Looks at pages and gathers what is wrong."""

    def __init__(self, visitor: Visitor, album: Path, look: Look) -> None:
        self.visitor, self.album, self.look = visitor, album, look
        self.axe = Axe()
        self.found: list[str] = []

    def look_at(self, name: str, path: str, *, status: int = 200) -> None:
        """Open the page and have it walked; photograph it where somebody keeps the pictures."""
        answer = self.visitor.page.goto(f"{self.visitor.web}{path}")
        if answer is None or answer.status != status:
            self.found.append(f"{name}: {path} answers {answer and answer.status}")
        if KEPT:
            self._photograph(name)
        wider = self.visitor.page.evaluate(WIDER)
        if wider > 0:
            self.found.append(f"{name}: {wider} px wider than {self.look.width} px")
        if not (first := self.visitor.page.evaluate(FIRST_LINK)).startswith("#"):
            self.found.append(f"{name}: the first link leads to {first} and not to the page's main part")
        if aloud := self.visitor.page.evaluate(READ_ALOUD):
            self.found.append(f"{name}: icons are read aloud: {aloud}")
        self._walk(name)

    def _photograph(self, name: str) -> None:
        file = self.album / f"{name}-{self.look}.png"
        self.visitor.page.screenshot(path=file, full_page=True, animations="disabled")

    def _walk(self, name: str) -> None:
        """Walk the page in a window as high as it is: in a lower one a bar at its edge covers half of some field, by chance."""
        page = self.visitor.page
        height = int(page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": self.look.width, "height": max(HEIGHT, height + 72)})
        # Without preload: axe would put our style sheets into the page again, where their @import leads nowhere.
        options = {
            "resultTypes": ["violations"],
            "preload": False,
            "rules": {"target-size": {"enabled": True}},  # of WCAG 2.2, which axe asks on request only
        }
        context = {"exclude": [[selector] for selector in THEMES_OWN]} if THEMES_OWN else None
        response = self.axe.run(page, context, options).response
        page.set_viewport_size({"width": self.look.width, "height": HEIGHT})
        for finding in response["violations"]:
            if finding["impact"] in GRAVE or finding["id"] in DEMANDED:
                where = [" ".join(map(str, node["target"])) for node in finding["nodes"]]
                self.found.append(
                    f"{name}: {finding['id']} ({finding['impact']}) at {where[:3]}, {len(where)} in all"
                )


def speak(visitor: Visitor, locale: str) -> None:
    """Choose the language in the profile."""
    page = visitor.page
    page.goto(f"{visitor.web}/profile/")
    page.select_option("[name=language]", {ENGLISH: "en-gb", GERMAN: "de"}[locale])
    page.locator(".at-form button[type=submit]").click()
    page.wait_for_load_state()


@contextmanager
def inspecting(chromium: Chromium, album: Path, look: Look, login: Sequence[str] = ()) -> Iterator[Inspector]:
    """An inspector in a window of this look, logged in if a log-in is given. Demands at the end that nothing was found."""
    locale = ENGLISH if login else look.locale
    with chromium.visitor(width=look.width, theme=look.theme, locale=locale) as visitor:
        if login:
            visitor.open("/")
            visitor.log_in(login[0], login[1])
            speak(visitor, look.locale)
        inspector = Inspector(visitor, album, look)
        yield inspector
        if login:
            speak(visitor, ENGLISH)  # whoever comes next is this person, too
    assert inspector.found == [], "\n".join(inspector.found)


@in_each_look
def test_pages_of_marketers_with_200_accounts(
    chromium: Chromium, fleet: Any, album: Path, look: Look
) -> None:
    account, dark = fleet["account"], fleet["dark"]
    with inspecting(chromium, album, look, (fleet["marketer"], fleet["password"])) as inspector:
        inspector.look_at("my-accounts", "/")
        inspector.look_at("my-account", f"/my/{account}/")
        inspector.look_at("my-account-dark", f"/my/{dark}/")
        inspector.look_at("re-authenticate", f"/my/{account}/reauthenticate/")
        inspector.look_at("add-account", "/link/")
        inspector.look_at("before-channel", "/link/facebook/")
        inspector.look_at("choose", f"/link/choose/{fleet['pending']}/")
        inspector.look_at("linked", f"/link/done/?account={account}&account={account + 1}")
        inspector.look_at("channel-needs", "/channels/")
        inspector.look_at("channel-page", "/channels/facebook/")
        inspector.look_at("profile", "/profile/")


@in_each_look
def test_pages_of_staff_with_200_accounts(
    product: Product, chromium: Chromium, fleet: Any, album: Path, look: Look
) -> None:
    account = f"/admin/accounts/account/{fleet['account']}"
    ids = ",".join(map(str, fleet["ids"]))
    with inspecting(chromium, album, look, (MIRA, product.password(MIRA))) as inspector:
        inspector.look_at("admin-start", "/admin/")
        inspector.look_at("admin-accounts", "/admin/accounts/account/")
        inspector.look_at("admin-import", "/admin/accounts/account/import/")
        inspector.look_at("admin-accounts-none-found", "/admin/accounts/account/?q=nobody")
        inspector.look_at("admin-account", f"{account}/")
        inspector.look_at("admin-account-details", f"{account}/details/")
        inspector.look_at("admin-account-messages", f"{account}/messages/")
        inspector.look_at("admin-account-events", f"{account}/events/")
        inspector.look_at("admin-account-dark", f"/admin/accounts/account/{fleet['dark']}/")
        inspector.look_at("admin-account-unlinked", f"/admin/accounts/account/{fleet['unlinked']}/")
        inspector.look_at("admin-bulk-ask", f"/admin/accounts/account/bulk/ask/?ids={ids}")
        inspector.look_at("admin-bulk-apply", f"/admin/accounts/account/bulk/apply-macro/?ids={ids}")
        inspector.look_at("admin-tokens", "/admin/tokens/token/")
        inspector.look_at("admin-macros", "/admin/macros/macro/")
        inspector.look_at("admin-macro-create", "/admin/macros/macro/add/")
        inspector.look_at("admin-macro", "/admin/macros/macro/1/change/")
        inspector.look_at("admin-messages", "/admin/notifications/message/")
        inspector.look_at("admin-channel-apps", "/admin/tokens/channelapp/")
        inspector.look_at("admin-channel-app", "/admin/tokens/channelapp/1/change/")
        inspector.look_at("admin-api-keys", "/admin/accounts/apikey/")
        inspector.look_at("admin-users", "/admin/users/user/")
        inspector.look_at("admin-user", f"/admin/users/user/{fleet['person']}/change/")
        inspector.look_at("admin-offboard", f"/admin/users/user/{fleet['person']}/offboard/")
        inspector.look_at("admin-invite", "/admin/users/invitation/add/")


@in_each_look
def test_pages_with_nothing_on_them(chromium: Chromium, fleet: Any, album: Path, look: Look) -> None:
    with inspecting(chromium, album, look, (fleet["nothing"], fleet["password"])) as inspector:
        inspector.look_at("empty-my-accounts", "/")
        inspector.look_at("empty-admin-start", "/admin/")
        inspector.look_at("empty-admin-accounts", "/admin/accounts/account/")
        inspector.look_at("empty-admin-tokens", "/admin/tokens/token/")


@in_each_look
def test_pages_before_the_log_in(chromium: Chromium, album: Path, look: Look) -> None:
    with inspecting(chromium, album, look) as inspector:
        inspector.look_at("log-in", "/accounts/login/")
        inspector.look_at("forgotten-password", "/accounts/password/reset/")


@in_each_look
def test_pages_of_backups_that_are_at_hand(
    product: Product, chromium: Chromium, fleet: Any, album: Path, look: Look
) -> None:
    account, reaching = f"/admin/accounts/account/{fleet['reached']}", fleet["reaching"]
    ids = ",".join(map(str, fleet["backups"]))
    with inspecting(chromium, album, look, (MIRA, product.password(MIRA))) as inspector:
        inspector.look_at("admin-account-at-hand", f"{account}/")
        inspector.look_at("admin-account-asked", f"/admin/accounts/account/{fleet['backups'][1]}/")
        inspector.look_at("admin-backup", f"{account}/tokens/{reaching}/backup/")
        inspector.look_at("admin-bulk-backup", f"/admin/accounts/account/bulk/backup/?ids={ids}")
        inspector.look_at("admin-accounts-at-hand", "/admin/accounts/account/?backup=1")
    with inspecting(chromium, album, look, (fleet["marketer"], fleet["password"])) as inspector:
        inspector.look_at("backup-requests", "/my/backups/")


def test_a_person_agrees_to_back_up_an_account_in_the_browser(chromium: Chromium, fleet: Any) -> None:
    with chromium.visitor() as lena:
        lena.open("/")
        lena.log_in(fleet["marketer"], fleet["password"])
        lena.sees("May your log-in back up 2 accounts?")
        lena.follow("See and answer")
        lena.sees("I am away in August.")
        lena.press("Agree to all")
        lena.sees("Thank you. Your log-in backs up 2 accounts now.", "Nobody asks you for a backup.")
