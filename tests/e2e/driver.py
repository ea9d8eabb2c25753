"""A person in front of a browser. Each has a browser of their own (a context), and whatever goes wrong in it fails the test."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    Response,
    ViewportSize,
)

from tests.support import chromium

FLAGS = [*chromium.FLAGS, "--disable-quic"]
ROOT = Path(__file__).resolve().parents[2]
TOUR = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 800
PHONE = 390  # and 800 high, touched by a finger
FINGER = 24  # a target is at least so wide and high (WCAG 2.2, 2.5.8)
TALLEST = 1800  # a picture of the tour is cut here

# Where what one sees ends, so that a picture has no empty half. Bars that stick to an edge are not counted.
CONTENT_END = """() => {
  const root = document.querySelector('main, #main') ?? document.body;
  const shown = [...root.querySelectorAll('*')].filter(one => {
    const skipped = '.at-pick, .at-hidden, details:not([open]) > :not(summary)';
    if (!one.getClientRects().length || one.children.length || one.closest(skipped)) return false;
    for (let at = one; at && at !== root; at = at.parentElement)  // some bars stick on phones only
      if (['fixed', 'sticky'].includes(getComputedStyle(at).position)) return false;
    return true;
  });
  const least = document.querySelector('#nav-sidebar') ? 620 : 240;  // the portal's sidebar is whole
  return Math.max(least, ...shown.map(one => one.getBoundingClientRect().bottom + window.scrollY));
}"""
GIVEN_UP = "net::ERR_ABORTED"  # by the browser itself: the person left the page while something was loading
NO_SCRIPTS = "Blocked script execution"  # in a mail, where nothing may run: of COUNTER there
EDGE_BARS = ".at-pick"
# A phone shows a page that is too wide smaller, so that it fits: the window's own width is the wrong measure there.
IN_A_TEXT = (
    "one => getComputedStyle(one).display === 'inline'"  # links in sentences may be lower than a finger
)
WIDER = "() => document.documentElement.scrollWidth - screen.width"

# A press is whatever a hand does: a button, a link, a tick, a key beside a field, going into a field to write in it (what is written does
# not count), and two for a choice from a list.
COUNTER = """() => {
  const written = new WeakSet();
  const field = one => one.matches?.('select, textarea, input:not([type=checkbox], [type=radio], [type=submit])');
  addEventListener('pointerdown', () => window.atPressed(1), true);
  addEventListener('keydown', event => { if (event.key === 'Enter' || !field(event.target)) window.atPressed(1); }, true);
  addEventListener('input', event => {
    if (!field(event.target) || written.has(event.target)) return;
    written.add(event.target);
    window.atPressed(event.target.matches('select') ? 2 : 1);
  }, true);
}"""

Theme = Literal["light", "dark"]


@dataclass
class Visitor:
    """One person's browser. Addresses are relative to AdToken's unless they are whole."""

    page: Page
    web: str
    pictures: Path | None  # where they are kept, else none is taken
    width: int = WIDTH
    presses: int = 0  # so far

    def open(self, path: str = "/") -> None:
        """Go to an address."""
        self.page.goto(path if path.startswith("http") else f"{self.web}{path}")
        self.arrive()

    def log_in(self, email: str, password: str) -> None:
        """Fill the log-in form on the page."""
        self.page.get_by_label("E-mail", exact=True).fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.press("Log in")

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press the button, and wait for the page that it leads to."""
        self.touch(self.page.get_by_role("button", name=name).first)

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow the link, and wait for its page."""
        self.touch(self.page.get_by_role("link", name=name).first)

    def touch(self, target: Locator) -> None:
        """Press this, and wait for the page that it leads to. On a phone a finger must meet it."""
        if self.width == PHONE and self.at_home:
            target.scroll_into_view_if_needed()
            box = target.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= FINGER or target.evaluate(IN_A_TEXT), (target, box)
            assert 0 <= box["x"] <= PHONE - box["width"], (target, box)
        target.click()
        self.page.wait_for_load_state()
        self.arrive()

    def arrive(self) -> None:
        """Demand of one of our pages that a phone shows it whole."""
        if self.width == PHONE and self.at_home:
            self.fits()

    def fits(self) -> None:
        """Demand that nothing is wider than the screen."""
        wider = self.page.evaluate(WIDER)
        assert wider <= 0, f"{self.page.url} is {wider} px wider than {self.width}"

    def pressed(self, number: int) -> None:
        """Count presses, as the page tells them."""
        self.presses += number

    @property
    def at_home(self) -> bool:
        """Whether the page is one of AdToken's, and not a channel's."""
        return self.page.url.startswith(self.web)

    def text(self) -> str:
        """What the page says, white space folded."""
        return " ".join(self.page.locator("body").inner_text().split())

    def sees(self, *texts: str) -> None:
        """Demand that the page says all this."""
        shown = self.text()
        missing = [text for text in texts if text not in shown]
        assert not missing, f"{self.page.url} does not say {missing}, but: {shown[:3000]}"

    def take(self, name: str, *, width: int = 0, only: int = 0) -> None:
        """Take a picture for the tour: the page from its top to the end of what it holds. `only`: in a window of this width alone."""
        if self.pictures is None or (only and only != self.width):
            return
        page, width = self.page, width or self.width
        page.set_viewport_size({"width": width, "height": 200})
        bars = [bar for bar in page.locator(EDGE_BARS).all() if bar.is_visible()]
        height = int(page.evaluate(CONTENT_END)) + 24 + (72 if bars else 0)
        # A window as high as the page: what sticks to the lower edge is below the content, not on it.
        page.set_viewport_size({"width": width, "height": min(TALLEST, height)})
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=self.pictures / f"{name}.png", animations="disabled")
        page.set_viewport_size({"width": self.width, "height": HEIGHT})

    def take_part(self, name: str, selector: str) -> None:
        """Take a picture of one part of the page."""
        part = self.page.locator(selector)
        part.wait_for()
        if self.pictures is not None:
            part.screenshot(path=self.pictures / f"{name}.png", animations="disabled")


class Look(NamedTuple):
    """What a window is opened with: its width, the theme of the device, and what its browser asks for."""

    width: int
    theme: Theme
    locale: str


class Window:
    """A window of the browser, which one visitor after another has alone. It keeps scripts and fonts, and nothing else of the one before.

    A new one for each would start a process and read all of those again: half a second of processor time.
    """

    def __init__(self, browser: Browser, look: Look) -> None:
        self.size: ViewportSize = {"width": look.width, "height": HEIGHT}
        self.context = browser.new_context(
            viewport=self.size,
            screen=self.size,
            is_mobile=look.width == PHONE,
            has_touch=look.width == PHONE,
            color_scheme=look.theme,
            reduced_motion="reduce",
            locale=look.locale,
        )
        self.visitor: Visitor | None = None
        self.troubles: list[str] = []  # of whoever has it now
        self.page = self._without_bars()
        self._watch(self.page)
        self.context.expose_binding("atPressed", lambda _source, number: self._pressed(number))
        self.context.add_init_script(f"({COUNTER})()")

    def _without_bars(self) -> Page:
        """Open a page in a window without tabs and address bar: to draw those took a third of what the browser did for each page."""
        opener = self.context.new_page()
        with opener.expect_popup() as opened:
            opener.evaluate("() => { open('about:blank', '', 'popup'); }")
        opener.close()
        return opened.value

    def forget(self, web: str) -> None:
        """Be as a window that nobody has used."""
        self.page.goto("about:blank")
        self.context.clear_cookies()
        session = self.context.new_cdp_session(self.page)
        session.send("Storage.clearDataForOrigin", {"origin": web, "storageTypes": "all"})
        session.detach()
        self.page.set_viewport_size(self.size)

    def _pressed(self, number: int) -> None:
        if self.visitor is not None:
            self.visitor.pressed(number)

    def _watch(self, page: Page) -> None:
        """Write down the page's console errors, uncaught exceptions and failed requests."""

        def console(said: ConsoleMessage) -> None:
            icon = said.location["url"].endswith(
                "/favicon.ico"
            )  # a mail names none, so the browser asks for that
            if said.type == "error" and not icon and not said.text.startswith(NO_SCRIPTS):
                self.troubles.append(f"console of {page.url}: {said.text}")

        def response(got: Response) -> None:
            if got.status >= 400:
                self.troubles.append(f"{got.request.method} {got.url}: {got.status}")

        def failed(asked: Request) -> None:
            if asked.failure != GIVEN_UP:
                self.troubles.append(f"{asked.method} {asked.url}: {asked.failure}")

        page.on("console", console)
        page.on("response", response)
        page.on("pageerror", lambda error: self.troubles.append(f"script of {page.url}: {error}"))
        page.on("requestfailed", failed)


class Windows:
    """The windows of one browser program: those that nobody has now are given to the next."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[Look, list[Window]] = defaultdict(list)

    @contextmanager
    def one(self, look: Look, web: str, troubles: list[str]) -> Iterator[Window]:
        """Give one to somebody. After a failure it is closed, whatever it holds."""
        free = self._free[look]
        window = free.pop() if free else Window(self._browser, look)
        assert window.context.cookies() == [], "it is still somebody else's"
        window.troubles = troubles
        try:
            yield window
            window.forget(web)
        except BaseException:
            window.context.close()
            raise
        window.visitor = None
        free.append(window)


@dataclass
class Chromium:
    """The browser program, and everything that went wrong in the windows opened so far."""

    windows: Windows
    web: str
    pictures: Path | None
    troubles: list[str] = field(default_factory=list)

    @contextmanager
    def visitor(
        self, *, width: int = WIDTH, theme: Theme = "light", locale: str = "en-GB"
    ) -> Iterator[Visitor]:
        """Open a window that is logged in nowhere, and close it. `locale`: what its browser asks for."""
        with self.windows.one(Look(width, theme, locale), self.web, self.troubles) as window:
            window.visitor = Visitor(window.page, self.web, self.pictures, width)
            yield window.visitor


@contextmanager
def launched_browser(playwright: Playwright) -> Iterator[Windows]:
    """Start the program, and end it."""
    browser = playwright.chromium.launch(executable_path=chromium.find(), args=FLAGS)
    try:
        yield Windows(browser)
    finally:
        browser.close()


def pictures_folder() -> Path | None:
    """Where pictures of the tour go: into the docs with TAKE_PICTURES=1. Else none is taken: each costs as much as half a page."""
    return TOUR if os.environ.get("TAKE_PICTURES") == "1" else None
