"""What a search returns besides its hits, and that no query is an error."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from archive.database.sqlite_files import build_connection_runner
from archive.search.column_cache import ColumnCache
from archive.search.excerpts import SearchHit
from archive.search.results import find_examples, find_hit_position, search_all
from archive.search.search_request import RESULT_TYPES
from archive.store.releases import Archive
from archive.times import Month
from tests.archive.hostile_queries import LONG, QUERIES, TYPED
from tests.archive.sample import LIGHTHOUSES, PAGED, SEEN, build_release
from tests.archive.search.conftest import Searcher, build_request, plain


async def test_questions_are_hits(sample: Searcher) -> None:
    (hit,) = (await sample.find("betalar", show="questions")).hits
    assert (plain(hit.title), hit.row["title"], hit.question_position) == (
        "Vem betalar?",
        LIGHTHOUSES,
        2,
    )
    assert await sample.titles(show="questions", agency="fagelverket", order="newest") == [
        "Hur många finns det?",
        "Varför sjunger rörsångaren på natten?",
    ]
    assert await sample.titles("rubrik:fyrar hamnarna", show="questions") == ["Vem betalar?"]


async def test_unknown_agency_name_finds_nothing(sample: Searcher) -> None:
    results = await sample.find("myndighet:rymdstyrelsen")
    assert [(note.key, note.value) for note in results.notes] == [("no_agency", "rymdstyrelsen")]
    assert results.hit_page.total == 0


@pytest.mark.parametrize(
    ("text", "days", "titles", "notes"),
    [
        ("från:2023-09-15", {}, ["Dag"], ["2023-09"]),
        ("2023-09-20", {}, ["Dag"], ["2023-09"]),
        ("", {"from_day": "2023-09-15"}, ["Dag"], ["2023-09"]),
        ("från:2023-09-01", {}, ["Dag", "Månad"], []),
        ("från:2023-08-15", {}, ["Dag", "Månad"], []),
        ("från:2024-02-15", {}, [], []),
        ("till:2023-09-15", {}, ["Månad"], []),
    ],
)
async def test_a_period_that_begins_within_a_month_notes_what_it_leaves_out(
    tmp_path: Path, text: str, days: dict[str, str], titles: list[str], notes: list[str]
) -> None:
    """Some agencies state only the month of a release."""
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyr", home="https://fyr.example/")
        for title, published in (("Månad", Month(2023, 9, 1)), ("Dag", date(2023, 9, 20))):
            release = build_release("fyr", title, title, published=published)
            archive.save(release, seen_at=SEEN)
        undated = build_release("fyr", "Odaterat", "Odaterat", updated=Month(2024, 2, 1))
        archive.save(undated, seen_at=SEEN)
        searcher = Searcher(build_connection_runner(archive.db.conn))
        results = await searcher.find(text, **days)
    assert sorted(plain(hit.title) for hit in results.hits) == titles
    values = [note.value for note in results.notes if note.key == "month_only"]
    assert values == notes


UNKNOWN_VALUES = ("agency=finnsinte", "kind=banana", "year=abcd", "tag=abc", "questions=maybe")
KNOWN_VALUES = (
    *("agency=fyrstyrelsen", "kind=news", "kind=none", "year=2023", "year=none", "tag=Väglag"),
    *("questions=no", "questions=yes"),
)


@pytest.mark.parametrize("suffix", ["", "__not"])
@pytest.mark.parametrize("parameter", UNKNOWN_VALUES + KNOWN_VALUES)
async def test_unknown_facet_value_has_a_note(
    sample: Searcher, parameter: str, suffix: str
) -> None:
    name, _, value = parameter.partition("=")
    results = await sample.find("vägarna", **{"exclude" if suffix else "include": {name: (value,)}})
    notes = [("no_value", f"{name}{suffix}={value}")] if parameter in UNKNOWN_VALUES else []
    assert [(note.key, note.value) for note in results.notes] == notes
    if notes:
        assert results.hit_page.total == (PAGED if suffix else 0)


async def test_results_state_their_age_and_what_was_searched(sample: Searcher) -> None:
    results, found = await sample.find("dinosaurie"), await sample.find("fyrar")
    assert results.scope is not None
    assert {choice.value: choice.count for choice in results.scope.agencies} == {
        "vagmyndigheten": PAGED + 2,
        "fyrstyrelsen": 2,
        "fagelverket": 1,
    }
    assert found.scope is None
    for freshness in (results.freshness, found.freshness):
        assert (freshness.crawled, freshness.newest) == ("2024-06-03T08:20:00+00:00", "2024-06-01")


@pytest.mark.parametrize(
    ("text", "facets", "searched"),
    [
        ("dinosaurie från:2024-06", {}, {"fyrstyrelsen": 1}),
        ("dinosaurie", {"year": "2022"}, {"vagmyndigheten": 1}),
        (
            "dinosaurie myndighet:fyrstyrelsen OR myndighet:fågelverket",
            {},
            {"fyrstyrelsen": 2, "fagelverket": 1},
        ),
        ("dinosaurie -myndighet:vägmyndigheten", {"tag": "Sjöfart"}, {"fyrstyrelsen": 1}),
        ("dinosaurie från:1990 till:1991", {}, {}),
    ],
)
async def test_scope_is_limited_by_filters(
    sample: Searcher, text: str, facets: dict[str, str], searched: dict[str, int]
) -> None:
    scope = (await sample.find(text, **facets)).scope
    assert scope is not None
    assert {choice.value: choice.count for choice in scope.agencies} == searched
    assert (scope.total, scope.stored, scope.is_limited) == (
        sum(searched.values()),
        PAGED + 5,
        True,
    )


@pytest.mark.parametrize("show", RESULT_TYPES)
@settings(derandomize=True, deadline=None, max_examples=40)
@given(text=QUERIES)
async def test_no_generated_query_is_an_error(sample: Searcher, show: str, text: str) -> None:
    assert all(isinstance(hit, SearchHit) for hit in (await sample.find(text, show=show)).hits)


@pytest.mark.parametrize("show", RESULT_TYPES[1:])
async def test_no_typed_query_is_an_error_among_parts(sample: Searcher, show: str) -> None:
    for text in (*TYPED, *LONG):
        found = await sample.find(text, show=show)
        assert all(isinstance(hit, SearchHit) for hit in found.hits)


# The place of a hit


@pytest.mark.parametrize(
    "options",
    [
        {"text": "vägarna"},
        {"text": "vägarna", "order": "newest", "size": 7},
        {"text": "rörsångare fyrar"},  # only loose hits
        {"show": "questions"},
        {"text": "fyrar", "show": "questions"},
        {"agency": "vagmyndigheten", "year": "2023"},
    ],
)
async def test_every_hit_is_found_at_its_number(sample: Searcher, options: dict[str, Any]) -> None:
    request = build_request(**options)
    hits = [hit async for batch in search_all(sample.run, request) for hit in batch]
    assert hits
    for number, hit in enumerate(hits, 1):
        found = await find_hit_position(sample.run, request, hit.row["id"], number, ColumnCache())
        assert (found.number, found.is_loose) == (number, hit.is_loose)
        beside = (
            hits[number - 2] if number > 1 else None,
            hits[number] if number < len(hits) else None,
        )
        paths = [other and other.title_path for other in (found.previous, found.next)]
        assert paths == [other and other.title_path for other in beside]


async def test_outdated_number_of_a_hit_is_corrected(sample: Searcher) -> None:
    request = build_request("vägarna")
    hits = (await sample.find("vägarna")).hits
    for number in (1, 4, PAGED, 10**6):
        found = await find_hit_position(
            sample.run, request, hits[2].row["id"], number, ColumnCache()
        )
        assert found.number == 3
    for number, release_id in ((1, 10**6), (1, (await sample.find("fyrar")).hits[0].row["id"])):
        found = await find_hit_position(sample.run, request, release_id, number, ColumnCache())
        assert (found.number, found.previous, found.next) == (None, None, None)
        assert [term.label for term in found.query_terms] == ["vägarna"]


async def test_loose_hit_has_the_terms_of_the_query_that_found_it(sample: Searcher) -> None:
    request = build_request("rörsångare dinosaurie")
    (hit,) = (await sample.find("rörsångare dinosaurie")).hits
    for number, is_loose in ((1, True), (None, False)):
        found = await find_hit_position(sample.run, request, hit.row["id"], number, ColumnCache())
        assert any(term.is_loose for term in found.query_terms) is is_loose


@pytest.mark.parametrize(
    ("common", "examples"),
    [
        ("Bro", [('ämne:"Bro"', 2)]),
        ('12" rör', []),  # cannot be written between quotation marks
    ],
)
async def test_an_example_has_the_most_common_tag(
    tmp_path: Path, common: str, examples: list[tuple[str, int]]
) -> None:
    names = {"removed": "borttaget", "speaker": "talare", "tag": "ämne"}
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyr", home="https://fyr.example/")
        for number, tags in enumerate((["12", common], [common])):
            archive.save(build_release("fyr", str(number), "Nya rör", tags=tags), seen_at=SEEN)
        run = build_connection_runner(archive.db.conn)
        found = await find_examples(run, ColumnCache(), names)
    assert [(example.request.text, example.count) for example in found] == examples
