"""Searches for references to documents, in current and earlier versions, and their facet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from datasette.utils import MultiParams

from archive.database.models import Question, Release
from archive.database.sqlite_files import build_connection_runner
from archive.search.edit_search import search_edits
from archive.search.matching_releases import match_releases, match_versions_before
from archive.search.search_request import parse_search_request
from archive.search.suggestions import MAX_TYPED_NUMBERS, TYPES_OF_NUMBER_SQL
from archive.store.releases import Archive
from tests.archive.search.conftest import Searcher, build_request, marks

SEEN = datetime(2026, 3, 1, tzinfo=UTC)
TEXTS = {  # title → its texts, one version after the other
    "Kajen": ["Se prop. 2023/24:99 och lagen (2013:319) om kajer. A harbour policy."],
    "Masten": ["Regeringens proposition 2023/24:99, bet. 2023/24:TU5.", "Masten utreds."],
    "Bojen": ["Bojen utreds.", "Bojen utreds i SOU2023:12 och i dir. 2013:319."],
    "Fyren": ["Klockan 2023:12 och bilden 2023/24:99 är inga hänvisningar."],
    "Hamnen": ["Hamnen har frågor."],
}
QUESTION = Question(position=1, question="Vad sägs i SOU 2023:12?", answer="Att den muddras.")


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    with Archive(tmp_path_factory.mktemp("references") / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for title, texts in TEXTS.items():
            for number, text in enumerate(texts):
                release = Release(
                    agency="fyr",
                    url=f"https://fyr.example/{title}",
                    title=title,
                    body=text,
                    body_html="",
                    language="sv",
                )
                if title == "Hamnen":
                    release = replace(release, questions=(QUESTION,))
                archive.save(release, seen_at=SEEN + timedelta(days=number))
    with closing(sqlite3.connect(archive.path)) as connection:
        connection.row_factory = sqlite3.Row
        yield Searcher(build_connection_runner(connection))


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("prop. 2023/24:99", {"Kajen"}),
        ("Proposition 2023/24:99 kajer", {"Kajen"}),
        ("sfs 2013:319", {"Kajen"}),
        ("Lag (2013:319)", {"Kajen"}),
        ("ref:2013:319", {"Kajen", "Bojen"}),
        ('hänvisning:"Prop 2023/24:99"', {"Kajen"}),
        ("sou 2023:12", {"Bojen", "Hamnen"}),
        ("SOU 2023:12 och 2024:1", set()),
        ("fråga:SOU 2023:12", {"Hamnen"}),
        ("rubrik:SOU 2023:12", set()),
        ("SOU 2023:12 OR prop. 2023/24:99", {"Bojen", "Hamnen", "Kajen"}),
        ("-SOU 2023:12 -fyren", {"Kajen", "Masten"}),
        ("(muddras OR dir. 2013:319) SOU 2023:12", {"Bojen", "Hamnen"}),
        ("added:SOU 2023:12", {"Bojen"}),
        ("borttaget:prop. 2023/24:99 utreds", {"Masten"}),
        ("removed:bet. 2023/24:tu5", {"Masten"}),
        ("added:dir. 2013:318", set()),
    ],
)
async def test_reference_is_matched_exactly(
    references: Searcher, text: str, titles: set[str]
) -> None:
    results = await references.find(text)
    assert {hit.row["title"] for hit in results.hits} == titles


async def test_earlier_versions_are_found(references: Searcher) -> None:
    results = await references.find("prop. 2023/24:99", all_versions=True)
    assert [hit.row["title"] for hit in results.hits] == ["Kajen", "Masten"]
    (current, former) = results.hits
    assert former.change
    assert former.change.kind == "former"
    assert marks(former.excerpt) == ["proposition 2023/24:99"]
    assert marks(current.excerpt) == ["prop. 2023/24:99"]
    (unchanged,) = (await references.find("bet. 2023/24:TU5")).earlier.ids  # type: ignore[union-attr]
    assert unchanged == former.row["id"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("prop. 2023/24:100", "prop. 2023/24:100"),
        ("harbour policy (SOU 2013:319)", "SOU 2013:319"),
        ("ref:1999:1", "1999:1"),
        ("prop. 2024/25:1 harbour policy strategy", "prop. 2024/25:1"),
    ],
)
async def test_absent_reference_is_said_to_be_absent(
    references: Searcher, text: str, label: str
) -> None:
    results = await references.find(text)
    assert (results.hits, results.suggestions) == ([], [])
    assert [(note.key, note.value) for note in results.notes] == [("no_reference", label)]


async def test_looser_results_have_the_reference(references: Searcher) -> None:
    for text in ("prop. 2023/24:99 muddras utreds", "hamnen muddras prop. 2023/24:99 kajer"):
        results = await references.find(text)
        assert {hit.row["title"] for hit in results.hits} <= {"Kajen"}, text
    assert [hit.is_loose for hit in results.hits] == [True]
    results = await references.find("SOU 2023:12 vargar muddras")
    found = {hit.row["title"]: [word.label for word in hit.missing] for hit in results.hits}
    assert found == {"Hamnen": ["vargar"], "Bojen": ["vargar", "muddras"]}
    assert results.hit_page.total == 0


async def test_only_the_first_numbers_get_a_type(references: Searcher) -> None:
    statements: list[str] = []

    async def run(sql: str, values: dict[str, Any], /) -> Any:
        statements.append(sql)
        return await references.run(sql, values)

    numbers = " ".join(f"2013:{number}" for number in range(319, 1_300))
    await Searcher(run).find(numbers)
    assert statements.count(TYPES_OF_NUMBER_SQL) == MAX_TYPED_NUMBERS


async def test_number_alone_suggests_the_types_of_the_archive(references: Searcher) -> None:
    found = await references.find("2013:319")
    assert {(each.request.text, each.total, each.reason) for each in found.suggestions} == {
        ("SFS 2013:319", 1, "reference"),
        ("dir. 2013:319", 1, "reference"),
    }
    assert (await references.find("2024:319")).suggestions == []
    found = await references.find("2013:3190 OR 2013:319")
    assert {each.request.text for each in found.suggestions} == {
        "2013:3190 OR SFS 2013:319",
        "2013:3190 OR dir. 2013:319",
    }
    (note,) = (await references.find("ref:muddring")).notes
    assert (note.key, note.value) == ("no_number_of", "ref:muddring")


async def test_questions_have_their_own_references(references: Searcher) -> None:
    results = await references.find("SOU 2023:12", show="questions")
    assert [hit.row["question"] for hit in results.hits] == [QUESTION.question]


async def test_references_are_a_facet(references: Searcher) -> None:
    for options in ({}, {"agency": "fyr"}, {"text": "kajer OR utreds"}):
        (found,) = [await references.find(**options)]
        counts = {each.value: each.count for each in found.hit_page.facets["reference"]}
        assert counts["SFS 2013:319"] == counts["dir. 2013:319"] == 1
        assert counts["SOU 2023:12"] == (1 if "text" in options else 2)
        assert "bet. 2023/24:TU5" not in counts  # of an earlier version
    arguments = {"reference": ["sou 2023:12"], "reference__not": ["Dir 2013:319"]}
    request = parse_search_request(MultiParams(arguments))
    assert request.include == {"reference": ("SOU 2023:12",)}
    assert await references.titles(include=request.include, exclude=request.exclude) == ["Hamnen"]
    (note,) = (await references.find(reference="SOU 2024:1")).notes
    assert (note.key, note.value) == ("no_value", "reference=SOU 2024:1")


async def test_references_are_followed(references: Searcher) -> None:
    rows = await references.run("select id, title from releases", {})
    ids = {row["title"]: row["id"] for row in rows}
    request = build_request("prop. 2023/24:99")
    assert await match_releases(references.run, request, ids.values()) == {ids["Kajen"]}
    (edit,) = (await search_edits(references.run, "prop. 2023/24:99")).edits
    (before,) = await references.run("select previous from revisions where id = :id", {"id": edit})
    edits = {edit: (before["previous"], ids["Masten"])}
    assert await match_versions_before(references.run, request, edits) == {edit}
