"""What the database grows by is arithmetic on measured rows."""

from benchmarks.growth import Line, show


def test_a_month_and_what_stays_follow_from_row_size_rows_and_days() -> None:
    line = Line("renewals", bytes=200, rows=50, days=90)

    assert line.month(1_000) == 10_000_000
    assert line.at_rest(1_000) == 30_000_000


def test_the_table_sums_up() -> None:
    table = show([Line("a", bytes=100, rows=1, days=30), Line("b", bytes=50, rows=2, days=60)])

    assert "0.2 MB" in table.splitlines()[-1]
    assert "20.0 MB" in table.splitlines()[-1]
    assert "30.0 MB" in table.splitlines()[-1]
