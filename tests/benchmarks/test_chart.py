"""Growth from the benchmark's JSON: which curves there are, the table, and the picture."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.chart import draw
from benchmarks.curves import Curve, as_text, by_chart, curves
from benchmarks.measure import Section

SVG = "{http://www.w3.org/2000/svg}"


def section(accounts: int, **seconds: float) -> dict[str, Any]:
    """One section as the benchmark writes it, with a second measure that is not drawn."""
    names = {"work": "all < accounts", "floor": "  floor: nothing but rows", "once": f"only at {accounts}"}
    results = {names[name]: {"seconds": [value], "rows": [7.0]} for name, value in seconds.items()}
    whole = Section(f"Settle, {accounts:,} accounts, 1 rounds", results, part="settle", accounts=accounts)
    found: dict[str, Any] = json.loads(json.dumps(whole.as_json()))
    return found


MEASURED = [section(10_000, work=0.2, floor=0.1, once=1), section(100_000, work=2, floor=0.5, once=1)]


def test_a_curve_is_one_contender_at_several_sizes_in_its_first_measure() -> None:
    assert curves(MEASURED) == [
        Curve("Settle", "seconds", "all < accounts", {10_000: 0.2, 100_000: 2}),
        Curve("Settle", "seconds", "floor: nothing but rows", {10_000: 0.1, 100_000: 0.5}),
    ]


def test_the_table_shows_each_size_and_how_many_times_the_floor_it_took() -> None:
    lines = as_text(curves(MEASURED)).splitlines()

    assert lines[0].split()[-2:] == ["10,000", "100,000"]
    ratio = next(line for line in lines if "times the floor" in line)
    assert ratio.split()[-2:] == ["2", "4"]


def picture() -> ElementTree.Element:
    ((heading, measure, group),) = by_chart(curves(MEASURED))
    return ElementTree.fromstring(draw(heading, measure, group))


def test_ten_times_as_much_stands_a_decade_higher() -> None:
    drawn = picture()

    dots = drawn.findall(f"{SVG}circle")
    lines = [
        float(one.attrib["d"].split("H")[0].split()[-1]) for one in drawn.findall(f"{SVG}path[@class='grid']")
    ]
    decade = lines[0] - lines[1]
    first, second = (float(dot.attrib["cy"]) for dot in dots[:2])
    assert abs((first - second) - decade) < 0.3
    assert float(dots[0].attrib["cx"]) < float(dots[1].attrib["cx"])


def test_a_floor_has_the_colour_of_what_it_is_the_limit_of_and_both_schemes_are_known() -> None:
    drawn = picture()

    kinds = {one.attrib["class"] for one in drawn.findall(f"{SVG}path")} - {"grid"}
    words = [one.text for one in drawn.findall(f"{SVG}text")]
    style = drawn.findtext(f"{SVG}style") or ""
    assert kinds == {"c0", "c0 floor"}
    assert {"all < accounts", "floor: nothing but rows", "10,000", "100,000"} <= set(words)
    assert "prefers-color-scheme:dark" in style


def test_the_command_writes_a_picture_for_each_section(tmp_path: Path) -> None:
    measured = tmp_path / "bench.json"
    measured.write_text(json.dumps({"facts": {}, "sections": MEASURED}), encoding="utf-8")

    command = [sys.executable, "-m", "benchmarks.chart", str(measured), str(tmp_path / "charts")]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True)

    assert [one.name for one in (tmp_path / "charts").iterdir()] == ["settle-seconds.svg"]
