"""The chart of stacked columns: its scale, and that what is drawn is as high as its number."""

import pytest

from portal.start import chart
from portal.start.chart import Column, Part


@pytest.mark.parametrize(
    ("highest", "top"), [(1, 4), (4, 4), (5, 8), (9, 12), (18, 20), (21, 40), (83, 120), (10_941, 12_000)]
)
def test_the_scale_has_four_round_steps(highest: int, top: int) -> None:
    assert chart.scale(highest) == top


def test_parts_stand_on_each_other_as_high_as_their_numbers() -> None:
    def column(*numbers: int) -> Column:
        parts = [Part(f"c{place}", f"Channel {place}", number, "?") for place, number in enumerate(numbers)]
        return Column("23 Nov", "Mon 23 Nov 2026", parts)

    drawn = chart.stacked([column(10, 10), column(0, 0), column(0, 20)])

    assert drawn is not None
    low, high = drawn.columns[0].boxes
    assert float(high.y) == pytest.approx(float(low.y) - float(low.height) - chart._GAP, abs=0.2)
    assert [len(one.boxes) for one in drawn.columns] == [2, 0, 1]
    assert [one.total for one in drawn.columns] == ["20", "", ""]
    assert [number for _, number in drawn.lines] == [0, 5, 10, 15, 20]
    assert drawn.legend == [("c0", "Channel 0"), ("c1", "Channel 1")]
    assert chart.stacked([column(0, 0)]) is None
