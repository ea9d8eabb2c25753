"""Somebody who looks at pages: has them walked by axe, finds what is wider than a phone, and photographs them where a folder is named."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Route

from tests.e2e.driver import HEIGHT, Chromium, Theme, Visitor
from tests.e2e.fleet_visitors import CAREFUL
from tests.e2e.pages import MAIN, NOBODY, WALKED, Shot
from tests.support.factories import PASSWORD

KEPT = os.environ.get("PHOTOGRAPHS", "")
FINDINGS = "findings.jsonl"
PHONE, DESK = 390, 1280
ENGLISH, GERMAN = "en-GB", "de-DE"
GRAVE = {"serious", "critical"}
DEMANDED = {"landmark-one-main", "skip-link"}  # whatever axe thinks of their weight
OF_A_MAIL = {
    "landmark-one-main",
    "page-has-heading-one",
    "region",
}  # a mail is no page: what holds one has these

# Where the first link leads, and words of the theme's icon font that a screen reader would read aloud.
FIRST_LINK = "document.querySelector('a[href]')?.getAttribute('href') ?? '#'"
# Without preload: axe would put our style sheets into the page again, where their @import leads nowhere. The size of targets is
# of WCAG 2.2, which axe asks on request only.
OPTIONS: dict[str, Any] = {
    "resultTypes": ["violations"],
    "preload": False,
    "iframes": False,
    "rules": {"target-size": {"enabled": True}},
}
if not KEPT:  # what is too mild to fail a test
    OPTIONS["rules"] |= {"region": {"enabled": False}, "aria-allowed-role": {"enabled": False}}
# Two of those that look alike are asked whether they can be read, and not the same cell of all hundred rows: colours of the text and of all
# that it stands on, its size and weight, and whether axe would pass over it. It was three quarters of what a walk took.
ALIKE = """() => {
  const grounds = new WeakMap(), seen = new Map();
  const ground = one => {
    if (!grounds.has(one)) {
      const look = getComputedStyle(one);
      const own = [look.backgroundColor, look.backgroundImage, look.opacity, look.position].join();
      grounds.set(one, (one.parentElement ? ground(one.parentElement) : '') + '/' + own);
    }
    return grounds.get(one);
  };
  const note = (one, text) => {
    const box = one.getBoundingClientRect();
    if (!one.checkVisibility({visibilityProperty: true}) || box.width < 2 || box.height < 2) return;
    const off = one.closest(':disabled, [aria-disabled=true]') || one.closest('label')?.control?.disabled;
    const look = getComputedStyle(one);
    const kind = [look.color, look.fontSize, look.fontWeight, look.fontFamily, look.textShadow, !!off, text.length > 1];
    const whole = kind.join() + ground(one), before = seen.get(whole) ?? new Set();
    seen.set(whole, before);
    if (before.size < 2) before.add(one);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    if (text) note(texts.currentNode.parentElement, text);
  }
  document.querySelectorAll('input, select, textarea').forEach(one => note(one, one.value ?? ''));
  for (const some of seen.values()) some.forEach(one => one.setAttribute('data-looked-at', ''));
  axe.configure({rules: [{id: 'color-contrast', selector: '[data-looked-at]'}]});
}"""
WALK = f"""options => {{
  {"" if KEPT else f"({ALIKE})();"}
  return axe.run(document, options).then(found => found.violations.map(
    one => ({{id: one.id, impact: one.impact, where: one.nodes.map(node => node.target.join(' '))}})));
}}"""
READ_ALOUD = "[...document.querySelectorAll('.material-symbols-outlined:not([aria-hidden])')].map(icon => icon.textContent.trim())"
# What Alpine reads once something is pressed, and would not read under the content policy, is an error now. Nothing of it is done.
EXPRESSIONS = """window.Alpine && document.querySelectorAll('*').forEach(one => [...one.attributes].forEach(({name, value}) => {
  if (value && /^(@|:|x-(anchor|bind|data|init|model|on|resize|show|text|trap))/.test(name))
    Alpine.evaluate(one, `false && (${value.replace(/;\\s*$/, '')})`);
}))"""
GLANCE = f"""() => {{
  {EXPRESSIONS};
  const root = document.documentElement;
  return {{wider: root.scrollWidth - root.clientWidth, height: root.scrollHeight, first: {FIRST_LINK}, aloud: {READ_ALOUD}}};
}}"""


class Window(NamedTuple):
    """In what pages are opened: the theme of the device, the reader's language, and whose session it is."""

    theme: Theme
    locale: str
    who: str


# By turns on a desktop in light and in English, on a phone in dark and in German, whose words are longer.
BY_TURNS: tuple[tuple[Theme, str, int], ...] = (("light", ENGLISH, DESK), ("dark", GERMAN, PHONE))


def looks_of(shot: Shot) -> dict[Window, list[int]]:
    """Return how a page is looked at, as widths by window: by turns in one of two ways.

    Where photographs are kept: light and dark on a desktop and on a phone, light in English and dark in German; main pages in both each.
    """
    if not KEPT:
        theme, locale, width = BY_TURNS[sum(shot.name.encode()) % 2]
        return {Window(theme, locale, shot.who): [width]}
    both: list[tuple[Theme, str]] = [("light", ENGLISH), ("dark", GERMAN)]
    if shot.name in MAIN:
        both += [("light", GERMAN), ("dark", ENGLISH)]
    return {Window(theme, locale, shot.who): [DESK, PHONE] for theme, locale in both}


class Inspector:
    """Looks at pages and gathers what is wrong."""

    def __init__(
        self, visitor: Visitor, facts: Mapping[str, Any], window: Window, troubles: list[str]
    ) -> None:
        self.visitor, self.facts, self.window, self.troubles = visitor, facts, window, troubles
        self.look = ""  # as names of photographs say it
        self.found: list[str] = []
        self.milder: list[str] = []
        self.counts: Counter[str] = Counter()
        self.pages: set[str] = set()
        self.answers = {
            "/made/": self._answer_made,
            "/jobs/": _without("refresh"),
            # it forbids scripts, so axe could not walk a mail there
            "/html/": _without("content-security-policy"),
        }

    def become(self, window: Window) -> None:
        """Look as whoever the window says from now on, who comes with no other cookie than that of the session."""
        self.window, context = window, self.visitor.page.context
        context.clear_cookies()
        if window.who != NOBODY:
            session = self.facts["sessions"][window.who]
            cookie = {"name": self.facts["cookie"], "value": session, "url": self.visitor.web}
            context.add_cookies([cookie])  # type: ignore[list-item]  # a dict of these keys

    def leave(self) -> None:
        """Remember the session: whoever typed the password once more has one of another id."""
        kept = {str(one.get("name")): one.get("value") for one in self.visitor.page.context.cookies()}
        if self.window.who != NOBODY:
            self.facts["sessions"][self.window.who] = kept[self.facts["cookie"]]

    def look_at(self, shot: Shot, widths: Iterable[int], *, mail: bool = False) -> None:
        """Open the page and have it walked in each width; photograph it where somebody keeps the pictures."""
        path = shot.path.replace("LANG", self.window.locale[:2]).format_map(self.facts)
        with self._answered_otherwise(path):
            self._look_in_each(shot, path, widths, mail=mail)

    @contextmanager
    def _answered_otherwise(self, path: str) -> Iterator[None]:
        """Answer in the place of AdToken where a page needs that, and for that page alone: meanwhile the browser keeps nothing."""
        answer = next((found for part, found in self.answers.items() if part in path), None)
        if answer is None:
            yield
            return
        self.visitor.page.route(f"**{path}", answer)
        try:
            yield
        finally:
            self.visitor.page.unroute_all()

    def _look_in_each(self, shot: Shot, path: str, widths: Iterable[int], *, mail: bool) -> None:
        page, before = self.visitor.page, len(self.troubles)
        for place, width in enumerate(widths):
            self.look = f"{width}-{self.window.theme}-{self.window.locale[:2]}"
            if page.viewport_size != (size := {"width": width, "height": HEIGHT}):
                page.set_viewport_size(size)  # type: ignore[arg-type]  # a dict of these keys
            if place == 0 or shot.then:  # else it is the same page, made wider or narrower
                if self.window.who == NOBODY:
                    page.context.clear_cookies()  # of a log-in that was begun in the other width
                answer = page.goto(f"{self.visitor.web}{path}")
                if answer is None or answer.status != shot.status:
                    self._finds(shot, f"{path} answers {answer and answer.status}")
                elif answer.ok and not answer.url.endswith(path) and shot.then not in LEADS:
                    self._finds(shot, f"{path} leads to {answer.url}")
            if shot.then:
                ACTS[shot.then](self.visitor)
            self._look(shot, width, mail=mail)
        if shot.status >= 400 or shot.then in REFUSED:
            del self.troubles[before:]

    def _look(self, shot: Shot, width: int, *, mail: bool) -> None:
        page = self.visitor.page
        self.counts["looks"] += 1
        self.pages.add(shot.name)
        if KEPT:
            page.screenshot(
                path=Path(KEPT) / f"{shot.name}-{self.look}.png", full_page=True, animations="disabled"
            )
            self.counts["photographs"] += 1
        found = page.evaluate(GLANCE)
        if found["wider"] > 0:
            self._finds(shot, f"{found['wider']} px wider than {width} px")
        if not mail and not found["first"].startswith("#"):
            self._finds(shot, f"the first link leads to {found['first']} and not to the page's main part")
        if found["aloud"]:
            self._finds(shot, f"icons are read aloud: {found['aloud']}")
        if KEPT or shot.name in WALKED:
            if found["height"] > HEIGHT:
                page.set_viewport_size({"width": width, "height": int(found["height"]) + 72})
            self._walk(shot, OF_A_MAIL if mail else set())

    def tell(self) -> None:
        """Add what was found to the troubles, and begin anew. Where photographs are kept, write down the mild things, too."""
        if KEPT:
            lines = {
                "pages": sorted(self.pages),
                "counts": self.counts,
                "found": self.found,
                "milder": self.milder,
            }
            with (Path(KEPT) / FINDINGS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(lines, ensure_ascii=False) + "\n")
        self.troubles += self.found
        self.found, self.milder, self.counts = [], [], Counter()

    def _finds(self, shot: Shot, what: str) -> None:
        self.found.append(f"{shot.name}-{self.look}: {what}")

    def _answer_made(self, route: Route) -> None:
        """Answer with a page that no address shows by itself."""
        name = route.request.url.rpartition("/")[2]
        route.fulfill(
            body=self.facts["made"][name][self.window.locale[:2]], content_type="text/html; charset=utf-8"
        )

    def _walk(self, shot: Shot, unasked: set[str]) -> None:
        """Walk the page in a window as high as it is: in a lower one a bar at its edge covers half of some field, by chance."""
        self.visitor.page.evaluate(AXE_SCRIPT)
        for finding in self.visitor.page.evaluate(WALK, OPTIONS):
            if finding["id"] in unasked:
                continue
            self.counts[str(finding["impact"])] += 1
            said = f"{finding['id']} ({finding['impact']}) at {finding['where'][:3]}, {len(finding['where'])} in all"
            if finding["impact"] in GRAVE or finding["id"] in DEMANDED:
                self._finds(shot, said)
            else:
                self.milder.append(f"{shot.name}-{self.look}: {said}")


def _without(header: str) -> Callable[[Route], None]:
    """Give a page without this header: it would open itself again in a moment, or forbids what walks it."""

    def answer(route: Route) -> None:
        given = route.fetch()
        route.fulfill(
            response=given, headers={name: value for name, value in given.headers.items() if name != header}
        )

    return answer


class Album:
    """Windows to look at pages in, by theme and language. Each stays open, whoever looks next: a new one begins with an empty cache."""

    def __init__(self, chromium: Chromium, facts: Mapping[str, Any]) -> None:
        self.chromium, self.facts = chromium, facts
        self._open, self._stack = dict[tuple[Theme, str], Inspector](), ExitStack()

    @contextmanager
    def inspecting(self, window: Window) -> Iterator[Inspector]:
        """Give an inspector in such a window. What is found becomes a trouble of `chromium`, so that all of it is told at the end."""
        key = (window.theme, window.locale)
        if key not in self._open:
            opened = self.chromium.visitor(theme=window.theme, locale=window.locale)
            visitor = self._stack.enter_context(opened)
            self._open[key] = Inspector(visitor, self.facts, window, self.chromium.troubles)
        inspector = self._open[key]
        inspector.become(window)
        yield inspector
        inspector.leave()
        inspector.tell()

    def troubles(self) -> list[str]:
        """Return what was wrong since this was asked for the last time."""
        found = list(self.chromium.troubles)
        self.chromium.troubles.clear()
        return found

    def close(self) -> None:
        """Close all windows."""
        self._stack.close()


# --- what is done on a page before it is photographed -------------------------------------------------------------------


def _search(visitor: Visitor) -> None:
    page = visitor.page
    page.keyboard.press("Control+k")
    page.locator("#search-input-command").press_sequentially("Nordlicht")
    page.locator("#command-results-list li").first.wait_for()


def _select(visitor: Visitor) -> None:
    for tick in visitor.page.locator("input[type=checkbox][name=_selected_action]").all()[:3]:
        tick.check()


def _save_nothing(visitor: Visitor) -> None:
    """Send the form as it is: it has errors, which is a trouble to the browser alone."""
    page = visitor.page
    page.evaluate("document.querySelectorAll('main form').forEach(form => form.noValidate = true)")
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_load_state()


def _edit_macro(visitor: Visitor) -> None:
    page = visitor.page
    with page.expect_response("**/macro/preview/**"):
        page.locator("#id_days").fill("60, 14, 3")
        page.locator("#id_days").blur()
    page.wait_for_load_state("networkidle")


def _log_in_wrong(visitor: Visitor) -> None:
    page = visitor.page
    page.locator("[name=login]").fill("nobody@example.com")
    page.locator("[name=password]").fill("wrong")
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()


def _log_in_careful(visitor: Visitor) -> None:
    page = visitor.page
    page.locator("[name=login]").fill(CAREFUL)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/authenticate/**")


def _close_team(visitor: Visitor) -> None:
    """Have the team take log-ins of its own people only, which asks first: accounts would stop."""
    page = visitor.page
    page.locator("[name=members_only]").check()
    page.locator("#team_form button[type=submit]").click()
    page.wait_for_load_state()


def _submit(visitor: Visitor) -> None:
    visitor.page.locator(".at-confirm form button[type=submit]").click()
    visitor.page.wait_for_load_state()


LEADS = {"arrive", "confirm"}  # where the browser is expected to be led on
REFUSED = {"save_nothing"}  # what the page is answered with is a trouble to the browser alone


def _confirm(visitor: Visitor) -> None:
    """Type the password where it is asked for again, which is once in a while."""
    page = visitor.page
    if "/reauthenticate/" in page.url:
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_load_state()


ACTS: dict[str, Callable[[Visitor], object]] = {
    "arrive": lambda visitor: visitor.page.wait_for_load_state(),
    "confirm": _confirm,
    "submit": _submit,
    "search": _search,
    "select": _select,
    "save_nothing": _save_nothing,
    "edit_macro": _edit_macro,
    "close_team": _close_team,
    "log_in_wrong": _log_in_wrong,
    "log_in_careful": _log_in_careful,
}
