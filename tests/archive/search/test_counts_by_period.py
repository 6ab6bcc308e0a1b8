"""Hits by month and year, beside all releases of the time."""

from __future__ import annotations

from typing import Any

import pytest

from archive.search.counts_by_period import PeriodCounts, count_periods, find_limits, list_periods
from archive.search.query_language import parse_query
from archive.search.results import prepare_finder, search
from tests.archive.sample import PAGED
from tests.archive.search.conftest import Searcher, build_request, lower_limits

JANUARY = "2023-01"


async def count(sample: Searcher, text: str, limit: int = 1000, **options: Any) -> PeriodCounts:
    finder, _ = await prepare_finder(sample.run, build_request(text, **options))
    return await count_periods(finder, None, limit)


async def test_hits_are_counted_beside_all_releases(sample: Searcher) -> None:
    counts = await count(sample, "vägarna")
    assert (counts.total, counts.undated, counts.capped) == (PAGED, 0, False)
    assert counts.group("year")["2023"] == (PAGED, PAGED + 1)
    january = counts.group("month")[JANUARY]
    assert january == (4, 4)
    assert sum(hits for hits, _ in counts.group("month").values()) == PAGED


@pytest.mark.parametrize(
    ("text", "options", "hits", "total"),
    [
        ("vägarna", {"agency": "vagmyndigheten"}, PAGED, PAGED),  # of all of the agency
        ("vägarna myndighet:vägmyndigheten", {}, PAGED, PAGED),
        ("vägarna myndighet:fyrstyrelsen", {}, 0, 1),
        ("vägarna", {"exclude": {"agency": ("vagmyndigheten",)}}, 0, 1),
        ("från:2023-01 till:2023-02", {}, 8, PAGED + 1),
        ("", {"kind": "news"}, PAGED, PAGED + 1),
    ],
)
async def test_totals_are_those_of_the_agencies(
    sample: Searcher, text: str, options: dict[str, Any], hits: int, total: int
) -> None:
    assert (await count(sample, text, **options)).group("year").get("2023", (0, 0)) == (hits, total)


async def test_all_releases_of_an_agency_have_no_share(sample: Searcher) -> None:
    counts = await count(sample, "", agency="vagmyndigheten")
    assert (counts.total, counts.undated, counts.totals) == (PAGED + 2, 1, None)
    assert (await count(sample, "", agency="vagmyndigheten", year="none")).total == 1


async def test_undated_hits_are_counted_apart(sample: Searcher) -> None:
    counts = await count(sample, "grusvägar")
    assert (dict(counts.hits), counts.undated) == ({}, 1)


async def test_too_many_hits_are_not_counted(
    sample: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    lower_limits(monkeypatch, 10)
    request = build_request("vägarna", size=5)
    counted = await search(sample.run, request, with_periods=True)
    assert counted.hit_page.capped
    assert counted.periods is not None
    assert counted.periods.total == PAGED  # all of them, not only those that are ranked
    monkeypatch.setattr("archive.search.counts_by_period.MAX_PAGE_HITS", PAGED - 1)
    assert (await search(sample.run, request, with_periods=True)).periods is None
    # stops when many more are to be expected
    monkeypatch.setattr("archive.search.counts_by_period.FIRST_BATCH", 5)
    assert (await count(sample, "vägarna", 4)).total == 5


async def test_hits_are_read_in_batches(sample: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("vägarna", "från:2023"):
        expected = await count(sample, text)
        for name in ("FIRST_BATCH", "READ_BATCH"):
            monkeypatch.setattr(f"archive.search.counts_by_period.{name}", 7)
        assert await count(sample, text) == expected
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("fyr från:2015 till:2020-03-07", ["2015-01", "2020-03"]),
        ("från:1900", ["2014-12"]),
        ("till:2016", ["2016-12"]),
        ("fyr från:2030", []),
        ("fyr OR från:2015", []),
        ("fyr", []),
    ],
)
def test_days_of_a_query_limit_its_periods(text: str, months: list[str]) -> None:
    assert find_limits(parse_query(text).tree, ["2014-12", "2018-01", "2021-05"]) == months


def test_periods_begin_and_end_as_the_search_does() -> None:
    counts = PeriodCounts(
        hits={"2016-12": 1, "2019-02": 1}, undated=0, limits=["2015-01", "2020-12"]
    )
    assert list_periods([counts]) == ("year", ["2015", "2016", "2017", "2018", "2019", "2020"])


def test_periods_have_no_gaps() -> None:
    first, second = (
        PeriodCounts(hits={"2021-11": 1}, undated=0),
        PeriodCounts(hits={"2022-02": 3}, undated=1),
    )
    assert list_periods([first, second]) == ("month", ["2021-11", "2021-12", "2022-01", "2022-02"])
    assert list_periods([first, second], "year") == ("year", ["2021", "2022"])
    assert list_periods([first, PeriodCounts(hits={"2026-01": 1}, undated=0)])[1] == list(
        map(str, range(2021, 2027))
    )
    assert (
        list_periods([first, PeriodCounts(hits={"2022": 1}, undated=0, has_months=False)], "month")[
            0
        ]
        == "year"
    )
    assert list_periods([PeriodCounts(hits={}, undated=2)]) == ("year", [])
