"""What the benchmark of pages says of them."""

from benchmarks import pages
from benchmarks.page_data import BOSS
from benchmarks.visit import Visit


def test_the_table_names_the_slowest_of_a_kind_and_what_grows() -> None:
    fast, slow = (Visit("List", "filter", name, BOSS, f"/{name}") for name in ("fast", "slow"))
    figures = {"ms": [100.0], "statements, small": [9.0], "statements": [9.0]}
    section = pages.Pages(
        "Pages", {fast.name: figures, slow.name: figures | {"ms": [900.0], "statements": [19.0]}}
    )
    section.visits = [fast, slow]

    section.notes = pages.said(section)

    text = section.as_text()
    assert "List filter slow (boss), slowest of 2" in text
    assert "2 pages, 1 of them above 300 ms: List filter slow (boss) 900" in text
    assert "List filter slow (boss) (9 to 19)" in text
