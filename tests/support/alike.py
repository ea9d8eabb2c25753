"""What all pages have in common, on both portals.

Headings in order, one main part, a way back from pages that ask, names on what is chosen from, dates as people write them.
"""

import re
from html.parser import HTMLParser
from itertools import pairwise

ISO_DATE = re.compile(r"\b20\d\d-[01]\d-[0-3]\d\b")
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
LISTS = {"ul", "ol", "dl", "tbody"}
AS_THEY_ARE = {"code", "pre", "textarea", "script", "style", "title"}  # what machines said, or take
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Page(HTMLParser):
    """Collects what `faults` looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.count = {"h1": 0, "main": 0}
        self.open: list[str] = []
        self.children: list[int] = []  # of what is open
        self.bare: list[str] = []  # lists and tables without a row: they say so by ui/_empty.html instead
        self.first_link: str | None = None
        self.main = ""
        self.labels: set[str] = set()
        self.selects: list[tuple[str, bool]] = []  # id, and whether it has a name of its own
        self.loud: list[str] = []  # pictures that a screen reader would stumble over
        self.dates: list[str] = []
        self.headings: list[int] = []
        self.in_path = False
        self.asks = False  # before something is done
        self.ways_back = (
            0  # links of the path above a page of the portal, or beside the button of the other pages
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag in self.count:
            self.count[tag] += 1
        if tag in HEADINGS:
            self.headings.append(int(tag[1]))
        self.look_for_the_way_back(tag, facts)
        if tag == "main":
            self.main = f"#{facts.get('id')}"
        if tag == "a" and self.first_link is None:
            self.first_link = facts.get("href") or ""
        if tag == "label" and facts.get("for"):
            self.labels.add(str(facts["for"]))
        if tag == "select":
            named = bool(facts.get("aria-label") or facts.get("aria-labelledby")) or "label" in self.open
            self.selects.append((facts.get("id") or "", named))
        if tag == "svg" and facts.get("aria-hidden") != "true" and not facts.get("aria-label"):
            self.loud.append(str(facts.get("class")))
        if self.children:
            self.children[-1] += 1
        if tag not in VOID:
            self.open.append(tag)
            self.children.append(0)

    def look_for_the_way_back(self, tag: str, facts: dict[str, str | None]) -> None:
        """Note whether the page asks before something is done, and count the links that lead back from it."""
        if facts.get("name") == "seen" or (facts.get("class") or "").startswith("at-confirm"):
            self.asks = True
        if tag == "nav" and facts.get("class") == "at-crumbs":
            self.in_path = True
        beside_the_button = self.main != "#at-main" and "form" in self.open
        if tag == "a" and (self.in_path or beside_the_button):
            self.ways_back += 1

    def handle_endtag(self, tag: str) -> None:
        self.in_path = self.in_path and tag != "nav"
        while tag in self.open:
            closed, children = self.open.pop(), self.children.pop()
            if closed in LISTS and not children:
                self.bare.append(closed)
            if closed == tag:
                return

    def handle_data(self, data: str) -> None:
        if not AS_THEY_ARE.intersection(self.open):
            self.dates += ISO_DATE.findall(data)


def faults(html: str) -> list[str]:
    """Return what sets a page apart from the others, in words; empty for one that is like them."""
    page = _Page()
    page.feed(html)
    found = [f"{number} of <{tag}>" for tag, number in page.count.items() if number != 1]
    if page.first_link != page.main:
        found.append(f"the first link leads to {page.first_link}, not to the main part")
    found += [
        f"no name on <select id={key}>" for key, named in page.selects if not named and key not in page.labels
    ]
    found += [f"<{tag}> without a row" for tag in page.bare]
    found += [f"h{low} below h{high}" for high, low in pairwise(page.headings) if low > high + 1]
    if page.asks and not page.ways_back:
        found.append("it asks, and there is no way back")
    found += [f"a picture that is read out: {name}" for name in page.loud]
    return found + [f"a date for machines: {date}" for date in page.dates]
