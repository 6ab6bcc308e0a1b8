"""Days and periods that a query names: a day alone is shown, everything else is offered."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from archive.database.models import Release
from archive.database.sqlite_files import build_connection_runner
from archive.search.named_periods import find_named_periods, read_day
from archive.store.releases import Archive
from tests.archive.sample import LIGHTHOUSES, SEEN
from tests.archive.search.conftest import Searcher, plain

TODAY = date(2026, 11, 30)  # a Monday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-06-06", "2024-06-06"),
        ("2024/6/6", "2024-06-06"),
        (" Den 6:e  juni 2024", "2024-06-06"),
        ("6 jun. 2024", "2024-06-06"),
        ("June 6th, 2024", "2024-06-06"),
        ("the 6th of June 2024", "2024-06-06"),
        ("31 juni 2024", None),
        ("6 juni", None),
        ("juni 2024", None),
        ("20240606", None),  # may be a reference number
        ("2024-06/06", None),
        ('"6 juni 2024"', None),
        ("-2024-06-06", None),
        ("6 juni 2024 OR 7 juni 2024", None),
    ],
)
def test_day_alone_is_read(text: str, day: str | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ukraina 6 juni 2024", ["2024-06-06 2024-06-06 Ukraina"]),
        ("MARS 2022", ["2022-03-01 2022-03-31 "]),
        ("March 2022", ["2022-03-01 2022-03-31 "]),
        ("vård i mars 2022, Region Skåne", ["2022-03-01 2022-03-31 vård Region Skåne"]),
        ("2024-02", ["2024-02-01 2024-02-29 "]),
        ("2022", ["2022-01-01 2022-12-31 "]),
        ("hösten 2022", ["2022-09-01 2022-11-30 "]),
        ("autumn of 2022", ["2022-09-01 2022-11-30 "]),
        ("våren 2023 -polisen", ["2023-03-01 2023-05-31 -polisen"]),
        ("vintern 2022", ["2022-12-01 2023-02-28 ", "2021-12-01 2022-02-28 "]),
        ("vintern 2023/24", ["2023-12-01 2024-02-29 "]),
        ("vintern 2023/25", []),
        ("i fjol", ["2025-01-01 2025-12-31 "]),
        ("last year", ["2025-01-01 2025-12-31 "]),
        ("i år", ["2026-01-01 2026-12-31 "]),
        ("last month", ["2026-10-01 2026-10-31 "]),
        ("förra veckan", ["2026-11-23 2026-11-29 "]),
        ("i höstas", ["2025-09-01 2025-11-30 "]),  # this autumn ends today
        ("i vintras", ["2025-12-01 2026-02-28 "]),
        ("igår", ["2026-11-29 2026-11-29 "]),
        ('skola "hösten 2022"', []),
        ('"hösten 2022', []),
        ("budget 2022", []),
        ("prop. 2023/24:99", []),
        ("30 februari 2024", []),
        ("6 juni 2024 till 10 juni 2024", []),
        ("skola OR mars 2022", []),
        ("(skola mars 2022)", []),
        ("vatten NEAR/3 mars 2022", []),
        ("från:mars 2022", []),
        ("İ mars 2022", []),
        ("", []),
    ],
)
def test_period_is_read_with_the_other_words(text: str, found: list[str]) -> None:
    named = find_named_periods(text, TODAY)
    assert [f"{each.first} {each.last} {each.rest}" for each in named] == found


async def test_day_finds_its_releases_and_says_so(sample: Searcher) -> None:
    for text in ("1 juni 2024", "2024-06-01"):
        found = await sample.find(text)
        assert [plain(hit.title) for hit in found.hits] == [LIGHTHOUSES]
        assert [(note.key, note.value) for note in found.notes] == [("day", "2024-06-01")]
    assert await sample.titles("1 juni 2024", from_day="2024-06-02") == []


async def test_words_of_a_day_are_offered_in_its_spellings(tmp_path: Path) -> None:
    url = "https://fyrstyrelsen.example/nyheter/mote"
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyrstyrelsen", name="Fyrstyrelsen", home=url)
        body = "Fyrmötet hålls den 6 juni 2024."
        release = Release(
            agency="fyrstyrelsen", url=url, title="Fyrmöte", body=body, body_html=f"<p>{body}</p>"
        )
        archive.save(release, seen_at=SEEN)
    with closing(sqlite3.connect(tmp_path / "archive.db")) as db:
        searcher = Searcher(build_connection_runner(db))
        (offered,) = (await searcher.find("2024-06-06")).suggestions
        assert (offered.reason, offered.total) == ("day", 1)
        assert await searcher.titles(offered.text) == ["Fyrmöte"]
    assert offered.text == '"2024-06-06" OR "6 juni 2024"'


async def test_period_is_offered_and_never_chosen(sample: Searcher) -> None:
    found = await sample.find("fyrar juni 2024")
    assert found.hit_page.total == 0
    (offered,) = found.suggestions
    assert (offered.reason, offered.total) == ("period", 1)
    assert offered.text == "fyrar from:2024-06-01 to:2024-06-30"
    assert await sample.titles(offered.text) == [LIGHTHOUSES]
    (offered,) = (await sample.find("fyrar xyzzy juni 2024")).suggestions  # only loose results
    assert (offered.reason, offered.total, offered.request.text) == ("period", 1, "fyrar xyzzy")
    limited = await sample.find("fyrar juni 2024", to_day="2024-05-31")
    assert limited.suggestions == []
