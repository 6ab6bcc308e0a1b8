"""Searching: any words are safe, filters and facets agree, excerpts are the original text."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from archive.search import MOST_TERMS, PAGE_SIZE, Query, Run, count_searched, is_cut, parse_query, search
from tests.archive.sample import HOSTILE, LIGHTHOUSES, PAGED, UNDATED, WARBLERS, fill

WORDS = {
    "": "",
    "  \t\n": "",
    "?!-–…": "",
    '"': "",
    '""': "",
    "skog": '"skog"',
    "skog älg": '"skog" "älg"',
    '"på natten" älg': '"på natten" "älg"',
    "”på natten”": '"på natten"',
    "»på natten«": '"på natten"',
    '"på natten': '"på" "natten"',
    'skog"älg"': '"skog" "älg"',
    '"  spridda   ord "': '"spridda ord"',
    "skog*": '"skog"*',
    "skog**": '"skog"*',
    "skog*,": '"skog"*',
    "sk*": '"sk"',
    "s*": '"s"',
    "a-sk*": '"a-sk"',
    "*": "",
    "sk*og": '"sk*og"',
    '"på natt*"': '"på natt"',
    "AND OR NOT NEAR": '"AND" "OR" "NOT" "NEAR"',
    "title:skog": '"title:skog"',
    "(skog) -älg +björn ^varg": '"skog" "älg" "björn" "varg"',
    "år 2024, § 12": '"år" "2024" "12"',
    "a\x00b": '"a" "b"',
    "a\ud800b": '"a" "b"',
    "a\u030alder": '"ålder"',  # a and a ring apart, as some systems type it
    "människo-handel": '"människo-handel"',
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = fill(tmp_path_factory.mktemp("search") / "archive.db")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    return run


@pytest.mark.parametrize("text", WORDS)
def test_words_become_an_expression(text: str) -> None:
    assert parse_query(text) == WORDS[text]


async def test_no_input_is_an_error(run: Run) -> None:
    chance = random.Random(20240603)
    pieces = ['"', "*", "(", ")", ":", "^", "-", "+", "'", "NEAR(", "AND", "{title}", "\\", "%", "\x00", "é", "å", "x"]
    for _ in range(300):
        text = "".join(chance.choice([*pieces, " "]) for _ in range(chance.randint(1, 14)))
        await search(run, Query(text=text, tag=text, agency=text, year=text))
        await search(run, Query(text=text))


async def test_a_flood_of_words_is_cut(run: Run) -> None:
    flood = "fyrar " * 5000
    assert is_cut(flood)
    assert not is_cut("fyrar " * MOST_TERMS)
    assert (await search(run, Query(text=flood))).total == 1


async def test_newest_first_and_undated_by_their_update(run: Run) -> None:
    titles = [plain(hit.title) for hit in (await search(run, Query())).hits]
    assert titles[:3] == [LIGHTHOUSES, WARBLERS, f"Läget på vägarna kring Storåsen, vecka {PAGED}"]
    last = (await search(run, Query(page=99))).hits[-1]
    assert plain(last.title) == UNDATED, "its page tells of an update long ago, and of no publication"


async def test_all_words_must_occur(run: Run) -> None:
    assert (await search(run, Query(text="tänds igen"))).total == 1
    assert (await search(run, Query(text="tänds rörsångaren"))).total == 0
    assert (await search(run, Query(text='"igen tänds"'))).total == 0
    assert (await search(run, Query(text="tänd"))).total == 0
    assert (await search(run, Query(text="tänd*"))).total == 1


async def test_swedish_letters_are_letters_of_their_own(run: Run) -> None:
    assert (await search(run, Query(text="TÄNDS"))).total == 1
    assert (await search(run, Query(text="tands"))).total == 0


async def test_excerpts_mark_the_original_text(run: Run) -> None:
    hit = (await search(run, Query(text="rörsångaren"))).hits[0]
    assert ("Rörsångaren", True) in hit.excerpt
    assert plain(hit.excerpt).startswith("Inventeringen av vassarna är klar.")
    assert (await search(run, Query(text="sångarna"))).hits[0].title == [("Så mår ", False), ("sångarna", True)]
    assert plain((await search(run, Query(text="tyst"))).hits[0].excerpt).endswith("Då är det tyst i vassen.")


async def test_markup_in_a_text_stays_text(run: Run) -> None:
    hit = (await search(run, Query(text="skylten"))).hits[0]
    assert plain(hit.title) == HOSTILE
    assert "<script>" in plain(hit.excerpt)


async def test_facets_count_what_a_choice_would_leave(run: Run) -> None:
    results = await search(run, Query(text="vägarna", year="2023", tag="Område 3"))
    for facet, choices in results.facets.items():
        assert choices
        for choice in choices:
            chosen: dict[str, Any] = {"year": "2023", "tag": "Område 3", facet: choice.value}
            assert (await search(run, Query(text="vägarna", **chosen))).total == choice.count


async def test_every_release_has_an_agency_and_a_year(run: Run) -> None:
    results = await search(run, Query())
    for facet in ("agency", "year"):
        assert sum(choice.count for choice in results.facets[facet]) == results.total
    assert [choice.value for choice in results.facets["year"]] == ["2024", "2023", "2022", "none"]
    assert (await search(run, Query(year="none"))).total == 1


async def test_pages_join_without_gap_or_overlap(run: Run) -> None:
    seen = []
    for page in (1, 2, 3):
        results = await search(run, Query(text="vägarna", page=page))
        assert (results.total, results.pages, results.page) == (PAGED, 3, page)
        seen += [hit.row["id"] for hit in results.hits]
    assert len(seen) == len(set(seen)) == PAGED
    assert len((await search(run, Query(text="vägarna", page=1))).hits) == PAGE_SIZE


async def test_a_page_beyond_the_last_is_the_last(run: Run) -> None:
    assert (await search(run, Query(text="vägarna", page=99))).page == 3
    assert (await search(run, Query(text="dinosaurie", page=99))).page == 1


async def test_common_words_are_counted_no_further_than_the_cap(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.search.MOST_HITS", 25)
    results = await search(run, Query(text="vägarna"))
    assert (results.total, results.capped, results.pages) == (25, True, 2)
    assert not (await search(run, Query(text="tänds"))).capped


async def test_what_was_searched_is_told(run: Run) -> None:
    searched = {choice.value: choice.count for choice in await count_searched(run)}
    assert searched == {"vagmyndigheten": PAGED + 2, "fyrstyrelsen": 2, "fagelverket": 1}


async def test_the_index_of_words_leads(tmp_path: Path) -> None:
    """Were releases read first, each would be looked up in the index: seconds on a large archive."""
    connection = sqlite3.connect(fill(tmp_path / "archive.db"))
    plans: list[str] = []

    async def explain(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        plan = [row[3] for row in connection.execute(f"explain query plan {sql}", values)]
        plans.append(next(step for step in plan if step.split()[1] in ("r", "releases_fts")))
        return []

    await search(explain, Query(text="vägarna", agency="vagmyndigheten", tag="Väglag", year="2023"))
    connection.close()
    assert len(plans) == 4
    assert all(step.startswith("SCAN releases_fts") for step in plans)


def plain(parts: list[tuple[str, bool]]) -> str:
    """The text of a title or excerpt without its marks."""
    return "".join(part for part, _ in parts)
