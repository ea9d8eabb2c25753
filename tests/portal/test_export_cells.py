"""No cell of an export is a formula to a spreadsheet, however it begins."""

import pytest

from portal.export import safe


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫"])
@pytest.mark.parametrize(
    "before", ["", " ", "\u00a0", "\u200b", "\ufeff", "\u202e", "\u2060\u00ad", "\t", "\x00", "\u2028"]
)
def test_a_cell_that_could_be_a_formula_is_text(sign: str, before: str) -> None:
    assert safe(f"{before}{sign}1+1").startswith("'")


@pytest.mark.parametrize(
    "name", ["Lumen Shoes EU", "  Fern", "2-for-1", "Ärger & Söhne", "株式会社", "", "a=b", "\u200bBirch"]
)
def test_other_cells_stay_as_they_are(name: str) -> None:
    assert safe(name) == name
