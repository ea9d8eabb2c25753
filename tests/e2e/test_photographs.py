"""Every page as people see it: walked by axe, and not wider than a phone.

A page is checked twice: on a desktop in light, on a phone in dark. PHOTOGRAPHS=folder checks the other two as well and photographs
all four into that folder.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.e2e.driver import HEIGHT, Chromium, Theme, Visitor
from tests.e2e.product import Product
from tests.e2e.steps import MIRA

KEPT = os.environ.get("PHOTOGRAPHS", "")
PHONE, DESK = 390, 1280
LOOKS: list[tuple[int, Theme]] = [(DESK, "light"), (PHONE, "dark")]
if KEPT:
    LOOKS += [(DESK, "dark"), (PHONE, "light")]
GRAVE = {"serious", "critical"}
DEMANDED = {"landmark-one-main", "skip-link"}  # whatever axe thinks of their weight

# Parts of the theme that are not ours to change: selector -> why. As narrow as can be.
THEMES_OWN: dict[str, str] = {}

# Where the first link leads, and words of the theme's icon font that a screen reader would read aloud.
FIRST_LINK = "() => document.querySelector('a[href]')?.getAttribute('href') ?? ''"
READ_ALOUD = "() => [...document.querySelectorAll('.material-symbols-outlined:not([aria-hidden])')].map(icon => icon.textContent.trim())"
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

look = pytest.mark.parametrize(("width", "theme"), LOOKS, ids=[f"{width}-{theme}" for width, theme in LOOKS])


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

    def __init__(self, visitor: Visitor, album: Path, width: int, theme: Theme) -> None:
        self.visitor, self.album, self.width, self.theme = visitor, album, width, theme
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
            self.found.append(f"{name}: {wider} px wider than {self.width} px")
        if not (first := self.visitor.page.evaluate(FIRST_LINK)).startswith("#"):
            self.found.append(f"{name}: the first link leads to {first} and not to the page's main part")
        if aloud := self.visitor.page.evaluate(READ_ALOUD):
            self.found.append(f"{name}: icons are read aloud: {aloud}")
        self._walk(name)

    def _photograph(self, name: str) -> None:
        file = self.album / f"{name}-{self.width}-{self.theme}.png"
        self.visitor.page.screenshot(path=file, full_page=True, animations="disabled")

    def _walk(self, name: str) -> None:
        """Walk the page in a window as high as it is: in a lower one a bar at its edge covers half of some field, by chance."""
        page = self.visitor.page
        height = int(page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": self.width, "height": max(HEIGHT, height + 72)})
        # Without preload: axe would put our style sheets into the page again, where their @import leads nowhere.
        options = {
            "resultTypes": ["violations"],
            "preload": False,
            "rules": {"target-size": {"enabled": True}},  # of WCAG 2.2, which axe asks on request only
        }
        context = {"exclude": [[selector] for selector in THEMES_OWN]} if THEMES_OWN else None
        response = self.axe.run(page, context, options).response
        page.set_viewport_size({"width": self.width, "height": HEIGHT})
        for finding in response["violations"]:
            if finding["impact"] in GRAVE or finding["id"] in DEMANDED:
                where = [" ".join(map(str, node["target"])) for node in finding["nodes"]]
                self.found.append(
                    f"{name}: {finding['id']} ({finding['impact']}) at {where[:3]}, {len(where)} in all"
                )


@contextmanager
def inspecting(
    chromium: Chromium, album: Path, width: int, theme: Theme, login: Sequence[str] = ()
) -> Iterator[Inspector]:
    """An inspector in a window of this look, logged in if a log-in is given. Demands at the end that nothing was found."""
    with chromium.visitor(width=width, theme=theme) as visitor:
        if login:
            visitor.open("/")
            visitor.log_in(login[0], login[1])
        inspector = Inspector(visitor, album, width, theme)
        yield inspector
    assert inspector.found == [], "\n".join(inspector.found)


@look
def test_pages_of_marketers_with_200_accounts(
    chromium: Chromium, fleet: Any, album: Path, width: int, theme: Theme
) -> None:
    account, dark = fleet["account"], fleet["dark"]
    with inspecting(chromium, album, width, theme, (fleet["marketer"], fleet["password"])) as inspector:
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


@look
def test_pages_of_staff_with_200_accounts(
    product: Product, chromium: Chromium, fleet: Any, album: Path, width: int, theme: Theme
) -> None:
    account = f"/admin/accounts/account/{fleet['account']}"
    ids = ",".join(map(str, fleet["ids"]))
    with inspecting(chromium, album, width, theme, (MIRA, product.password(MIRA))) as inspector:
        inspector.look_at("admin-start", "/admin/")
        inspector.look_at("admin-accounts", "/admin/accounts/account/")
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


@look
def test_pages_with_nothing_on_them(
    chromium: Chromium, fleet: Any, album: Path, width: int, theme: Theme
) -> None:
    with inspecting(chromium, album, width, theme, (fleet["nothing"], fleet["password"])) as inspector:
        inspector.look_at("empty-my-accounts", "/")
        inspector.look_at("empty-admin-start", "/admin/")
        inspector.look_at("empty-admin-accounts", "/admin/accounts/account/")
        inspector.look_at("empty-admin-tokens", "/admin/tokens/token/")


@look
def test_pages_before_the_log_in(chromium: Chromium, album: Path, width: int, theme: Theme) -> None:
    with inspecting(chromium, album, width, theme) as inspector:
        inspector.look_at("log-in", "/accounts/login/")
        inspector.look_at("forgotten-password", "/accounts/password/reset/")


@look
def test_pages_of_backups_that_are_at_hand(
    product: Product, chromium: Chromium, fleet: Any, album: Path, width: int, theme: Theme
) -> None:
    account, reaching = f"/admin/accounts/account/{fleet['reached']}", fleet["reaching"]
    ids = ",".join(map(str, fleet["backups"]))
    with inspecting(chromium, album, width, theme, (MIRA, product.password(MIRA))) as inspector:
        inspector.look_at("admin-account-at-hand", f"{account}/")
        inspector.look_at("admin-account-asked", f"/admin/accounts/account/{fleet['backups'][1]}/")
        inspector.look_at("admin-backup", f"{account}/tokens/{reaching}/backup/")
        inspector.look_at("admin-bulk-backup", f"/admin/accounts/account/bulk/backup/?ids={ids}")
        inspector.look_at("admin-accounts-at-hand", "/admin/accounts/account/?backup=1")
    with inspecting(chromium, album, width, theme, (fleet["marketer"], fleet["password"])) as inspector:
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
