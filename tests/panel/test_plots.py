"""Plots: what they draw is what they say, and nothing of it is code or style."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from panel.core import plots
from panel.core.plots import HEIGHT, WIDTH, Series, Share

FIRST = date(2026, 3, 1)


def series(*values: int, step: int = 1, label: str = "Customers") -> Series:
    points = [(FIRST + timedelta(days=i * step), value) for i, value in enumerate(values)]
    return Series("customers", label, points)


def drawn(markup: str) -> tuple[list[tuple[float, float]], ET.Element]:
    """The places of the line, and the whole as a tree."""
    tree = ET.fromstring(f"<p>{markup}</p>")
    path = tree.find(".//path[@class='plot-line']").get("d")
    places = [tuple(map(float, pair.split())) for pair in path.removeprefix("M").split("L")]
    return places, tree


def test_the_line_goes_from_the_first_day_to_the_last_and_up_with_the_values() -> None:
    places, _tree = drawn(plots.line(series(0, 5, 10)))
    assert places == [(0, HEIGHT), (WIDTH / 2, HEIGHT / 2), (WIDTH, 0)]


def test_days_without_a_sample_keep_their_room() -> None:
    points = [(FIRST, 1), (FIRST + timedelta(days=1), 1), (FIRST + timedelta(days=10), 1)]
    places, _tree = drawn(plots.line(Series("x", "X", points)))
    assert [x for x, _y in places] == [0, WIDTH / 10, WIDTH]


def test_it_says_in_words_what_it_shows() -> None:
    _places, tree = drawn(plots.line(series(1200, 900, 1500)))
    svg = tree.find(".//svg")
    names = svg.get("aria-labelledby").split()
    said = [tree.find(f".//*[@id='{name}']").text for name in names]
    assert svg.get("role") == "img"
    assert said == [
        "Customers over time",
        "From 1,200 on 1 Mar 2026 to 1,500 on 3 Mar 2026; least 900, most 1,500.",
    ]


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([0, 0], (0, 1)),
        ([3, 3], (2, 4)),
        ([1, 100], (0, 100)),
        ([1000, 1010], (995, 1015)),
        ([1, 1], (0, 2)),
    ],
)
def test_the_edges_begin_at_zero_unless_that_flattens_the_line(
    values: list[int], edges: tuple[int, int]
) -> None:
    assert plots.bounds(values) == edges
    _places, tree = drawn(plots.line(series(*values)))
    assert tree.find(".//span[@class='plot-high']").text == f"{edges[1]:,}"
    assert tree.find(".//span[@class='plot-low']").text == f"{edges[0]:,}"
    is_filled = bool(tree.find(".//path[@class='plot-area']").get("d"))
    assert is_filled == (edges[0] == 0), "a surface over a cut axis would say too much"


def test_one_point_is_no_line() -> None:
    assert plots.line(series(5)) == ""
    assert plots.line(series()) == ""


def test_more_points_than_can_be_told_apart_are_thinned_and_the_last_one_stays() -> None:
    long = series(*range(1000))
    thin = plots.thinned(long.points)
    assert 60 < len(thin) <= plots.POINTS
    assert thin[-1] == long.points[-1]
    assert len(plots.line(long)) < 5000


def test_names_are_escaped() -> None:
    hostile = '"><script>alert(1)</script>'
    for markup in (
        plots.line(series(1, 2, label=hostile)),
        plots.table([series(1, 2, label=hostile)]),
        plots.bar("x", hostile, [Share(hostile, 1, "ok"), Share("Shut", 2, "bad")]),
    ):
        assert "<script" not in markup
        assert not re.search(r"\s(style|on\w+)=", markup)


def test_the_table_has_each_day_newest_first_and_gaps_are_empty() -> None:
    other = Series("domains", "Domains", [(FIRST, 7)])
    tree = ET.fromstring(plots.table([series(1, 2000), other]))
    rows = [[cell.text or "" for cell in row] for row in tree.find("tbody")]
    assert rows == [["2 Mar 2026", "2,000", ""], ["1 Mar 2026", "1", "7"]]
    assert len(ET.fromstring(plots.table([series(*range(366))])).find("tbody")) <= 32


def test_the_parts_of_a_bar_are_as_long_as_they_are_many() -> None:
    tree = ET.fromstring(
        plots.bar("c", "Customers", [Share("Active", 9, "ok"), Share("Suspended", 3, "bad")])
    )
    found = [(r.get("class"), r.get("x"), r.get("width")) for r in tree.iter("rect")]
    assert found == [("share-ok", "0", "225"), ("share-bad", "225", "75")]
    assert tree.find("desc").text == "Active: 9, Suspended: 3"


def test_one_of_very_many_is_still_seen_and_nothing_is_drawn_outside() -> None:
    shares = [Share("Active", 99_999, "ok"), Share("Suspended", 1, "bad")]
    last = list(ET.fromstring(plots.bar("c", "Customers", shares)).iter("rect"))[-1]
    assert float(last.get("width")) >= 3
    assert float(last.get("x")) + float(last.get("width")) <= WIDTH
    alone = plots.bar("c", "Customers", [Share("Active", 5, "ok"), Share("Suspended", 0, "bad")])
    assert [r.get("width") for r in ET.fromstring(alone).iter("rect")] == ["300", "0"]
