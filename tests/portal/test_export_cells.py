"""No cell of an export is a formula to a spreadsheet, however it begins."""

import pytest

from accounts.export_rows import safe

SIGNS = ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫"]
BEFORE = ["", " ", "\u00a0", "\u200b", "\ufeff", "\u202e", "\u2060\u00ad", "\t", "\x00", "\u2028"]


def test_a_cell_that_could_be_a_formula_is_text() -> None:
    cells = [f"{before}{sign}1+1" for before in BEFORE for sign in SIGNS]

    assert [cell for cell in cells if not safe(cell).startswith("'")] == []


@pytest.mark.parametrize(
    "name", ["Lumen Shoes EU", "  Fern", "2-for-1", "Ärger & Söhne", "株式会社", "", "a=b", "\u200bBirch"]
)
def test_other_cells_stay_as_they_are(name: str) -> None:
    assert safe(name) == name
