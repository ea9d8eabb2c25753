"""What `alike.faults` finds on a page that is not like the others, so that the walk over all pages can fail."""

from pathlib import Path

import pytest

from tests.support import alike

TEMPLATES = Path(__file__).parents[2] / "templates"
PAGE = '<a href="#content">Skip</a><main id="content"><h1>Mail</h1>{}</main>'


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ("<h3>Facts</h3>", "h3 below h1"),
        ('<ul class="at-rows"></ul>', "<ul> without a row"),
        ("<table><tbody></tbody></table>", "<tbody> without a row"),
        ('<form><input name="seen"></form>', "it asks, and there is no way back"),
        ("<p>Since 2026-11-26</p>", "a date for machines: 2026-11-26"),
    ],
)
def test_what_sets_a_page_apart_is_named(part: str, fault: str) -> None:
    assert alike.faults(PAGE.format(part)) == [fault]


def test_a_page_that_asks_and_leads_back_is_like_the_others() -> None:
    assert alike.faults(PAGE.format('<form><input name="seen"><a href="/">Cancel</a></form>')) == []


def test_what_stands_where_nothing_is_listed_is_one_part() -> None:
    places = [path.name for path in TEMPLATES.rglob("*.html") if "at-empty" in path.read_text("utf-8")]

    assert places == ["_empty.html"]
