"""What all pages have in common, on both portals: one heading, one main part, names on what is chosen from, dates as people write them."""

import re
from html.parser import HTMLParser

ISO_DATE = re.compile(r"\b20\d\d-[01]\d-[0-3]\d\b")
AS_THEY_ARE = {"code", "pre", "textarea", "script", "style", "title"}  # what machines said, or take
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Page(HTMLParser):
    """Collects what `faults` looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.count = {"h1": 0, "main": 0}
        self.open: list[str] = []
        self.first_link: str | None = None
        self.main = ""
        self.labels: set[str] = set()
        self.selects: list[tuple[str, bool]] = []  # id, and whether it has a name of its own
        self.loud: list[str] = []  # pictures that a screen reader would stumble over
        self.dates: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag in self.count:
            self.count[tag] += 1
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
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self.open and self.open.pop() != tag:
            pass

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
    found += [f"a picture that is read out: {name}" for name in page.loud]
    return found + [f"a date for machines: {date}" for date in page.dates]
