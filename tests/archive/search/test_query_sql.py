"""Queries become FTS5 expressions and SQL conditions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from archive.database.models import Question, Release
from archive.database.sqlite_files import build_connection_runner
from archive.search.query_language import parse_query
from archive.search.query_sql import QUESTION_INDEX, ResolvedNames, SearchPlan, build_plan
from archive.search.search_request import RESULT_TYPES
from archive.store.releases import Archive
from tests.archive.hostile_queries import QUERIES
from tests.archive.sample import HOSTILE, LIGHTHOUSES, PAGED, SEEN, WARBLERS
from tests.archive.search.conftest import Searcher, marks

TITLE_HIT = Release(
    agency="fyr",
    url="https://fyr.example/1",
    title="Sjukvårdsministern i hamnen",
    body="Om barnomsorgspersonalen.",
    body_html="<p>…</p>",
    questions=(
        Question(
            position=1,
            question="Vad säger sjukvårdsministern?",
            answer="Det avgör livsmedelsavdelningarna.",
        ),
    ),
)
BODY_HIT = replace(
    TITLE_HIT,
    url="https://fyr.example/2",
    title="Barnomsorgspersonal",
    body="En sjukvårdsminister.",
    questions=(),
)


@pytest.fixture(scope="module")
def compounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """Two releases with compounds."""
    with Archive(tmp_path_factory.mktemp("compounds") / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for release in (TITLE_HIT, BODY_HIT):
            archive.save(release, seen_at=SEEN)
    with closing(sqlite3.connect(archive.path)) as connection:
        yield Searcher(build_connection_runner(connection))


def plan(text: str) -> SearchPlan:
    return build_plan(parse_query(text).tree, ResolvedNames())


@settings(derandomize=True, deadline=None, max_examples=50)
@given(QUERIES)
def test_expression_quotes_words_and_has_no_signs(text: str) -> None:
    match = plan(text).match
    assert match.count('"') % 2 == 0
    assert not {*"^'\\%\x00+"} & {*match}


def test_words_are_matched_and_filters_are_conditions() -> None:
    names = ResolvedNames(agencies={"fyr": ("a", "b")})
    mixed = build_plan(parse_query("skog -älg från:2024 svar:vad myndighet:fyr").tree, names)
    assert " NOT (" in mixed.match
    assert [condition.split()[0] for condition in mixed.conditions] == [
        "(ifnull(l.sort_day",
        "(l.release",
        "(l.agency",
    ]
    assert set(mixed.values.values()) >= {"2024-01-01", "a", "b"}


def test_negation_alone_is_a_condition() -> None:
    assert plan("-skog").match == ""
    condition = "l.release in (select rowid from search where search match :v0)"
    assert plan("-skog").conditions == [f"(({condition}) is not true)"]


def test_fields_of_the_other_table_are_conditions() -> None:
    assert (
        build_plan(parse_query("svar:skog").tree, ResolvedNames(), QUESTION_INDEX).match
        == '{answer answer_parts answer_minor answer_forms}: ("skog")'
    )
    assert build_plan(parse_query("rubrik:skog").tree, ResolvedNames(), QUESTION_INDEX).match == ""
    assert plan("svar:skog").match == ""
    mixed = plan("skog OR svar:skog OR från:2024")
    assert mixed.match == ""
    assert mixed.conditions[0].count(" or ") == 2


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("ministrar", {TITLE_HIT.url, BODY_HIT.url}),
        ("rubrik:ministrar", {TITLE_HIT.url}),
        ("text:minister", {BODY_HIT.url}),
        ("rubrik:barnomsorg", {BODY_HIT.url}),
        ("rubrik:personalens", {BODY_HIT.url}),
        ("minister -rubrik:minister", {BODY_HIT.url}),
        ("svar:avdelning", {TITLE_HIT.url}),
        ("fråga:avdelning", set()),
        ('rubrik:"ministern i hamnen"', set()),
        ("rubrik:vård", {TITLE_HIT.url}),
        ("+ministrar", set()),
        ("ministern", {TITLE_HIT.url, BODY_HIT.url}),
        ('"ministern"', set()),
    ],
)
async def test_compound_is_found_by_its_parts(
    compounds: Searcher, text: str, urls: set[str]
) -> None:
    assert {hit.row["url"] for hit in (await compounds.find(text)).hits} == urls


async def test_compound_is_found_and_marked_in_questions(compounds: Searcher) -> None:
    (hit,) = (await compounds.find("avdelning ministrar", show="questions")).hits
    assert (marks(hit.title), marks(hit.excerpt)) == (
        ["sjukvårdsministern"],
        ["livsmedelsavdelningarna"],
    )
    assert await compounds.total("fråga:avdelning", show="questions") == 0


async def test_compound_is_marked_only_in_its_field(compounds: Searcher) -> None:
    (hit,) = (await compounds.find("rubrik:minister")).hits
    assert marks(hit.title) == ["Sjukvårdsministern"]
    assert marks(hit.excerpt) == []


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("fyr tänd", [LIGHTHOUSES]),
        ("TÄNDS igen", [LIGHTHOUSES]),
        ("tänds rörsångaren", []),
        ("tands", []),  # å, ä and ö are letters of their own
        ('"tänds igen"', [LIGHTHOUSES]),
        ('"igen tänds"', []),
        ("fyrar NEAR/1 tänds", [LIGHTHOUSES]),
        ("NEAR(tre igen, 0)", []),
        ("vassen OR fyrar", [LIGHTHOUSES, WARBLERS]),
        ("vassen OR fyrar -rörsångaren", [LIGHTHOUSES]),
        ("inventer*", [WARBLERS]),
        ("rubrik:fyrar", [LIGHTHOUSES]),
        ("ingress:fyrar", []),
        ("svar:hamnarna", [LIGHTHOUSES]),
        ("fråga:hamnarna", []),
        ("question:betala answer:staten", [LIGHTHOUSES]),
        ("fråga:betala OR rubrik:sångarna", [LIGHTHOUSES, WARBLERS]),
        ("myndighet:fyrstyrelsen", [LIGHTHOUSES, "Three lighthouses lit again"]),
        ("ämne:sjöfart", [LIGHTHOUSES]),
        ('tag:"våtmarker & sjöar" vassen', [WARBLERS]),
        ("från:2024-06", [LIGHTHOUSES]),
        ("till:2022", [HOSTILE]),
        ("from:2024-05-28 to:2024-05-28", [WARBLERS]),
    ],
)
async def test_query_finds_releases(sample: Searcher, text: str, titles: list[str]) -> None:
    assert await sample.titles(text, order="newest") == titles


@pytest.mark.parametrize(
    ("text", "total"), [("-vägarna", 5), ("-fråga:betala", PAGED + 4), ("agency:roads", PAGED + 2)]
)
async def test_query_finds_many_releases(sample: Searcher, text: str, total: int) -> None:
    assert await sample.total(text) == total


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """A release that quotes two people, one that only names one of them, and one that no longer
    quotes her.
    """
    quoted = replace(
        BODY_HIT,
        title="Kajen",
        body="– Kajen är klar, säger Åsa Ek.\n– Hamnen rensas, säger Bo Ekman.",
    )
    named = replace(
        quoted, url="https://fyr.example/3", title="Besök", body="Åsa Ek besöker kajen."
    )
    edited = replace(quoted, url="https://fyr.example/4", title="Masten")
    whole_name = replace(
        quoted,
        url="https://fyr.example/5",
        title="Bryggan",
        body="– Bryggan är ny, säger Eva Vik.",
    )
    surname = replace(
        quoted,
        url="https://fyr.example/6",
        title="Slussen",
        body="– Slussen är stängd, säger Vik.",
    )
    with Archive(tmp_path_factory.mktemp("speakers") / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for release in (
            quoted,
            named,
            edited,
            replace(edited, body="– Masten är klar, säger Bo Ekman."),
            whole_name,
            surname,
        ):
            archive.save(release, seen_at=SEEN)
    with closing(sqlite3.connect(archive.path)) as connection:
        yield Searcher(build_connection_runner(connection))


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("säger:Ek", {"Kajen", "Masten"}),
        ('säger:"Åsa Ek"', {"Kajen"}),
        ("says:asa", {"Kajen"}),
        ("säger:Vik", {"Bryggan", "Slussen"}),  # one release has the surname alone
        ('säger:"Eva Vik"', {"Bryggan"}),
        ("säger:Ekman masten", {"Masten"}),
        ("kajen -säger:Åsa", {"Besök"}),
        ("säger:Nora", set()),
    ],
)
async def test_speaker_is_who_the_current_version_quotes(
    speakers: Searcher, text: str, titles: set[str]
) -> None:
    results = await speakers.find(text)
    assert {hit.row["title"] for hit in results.hits} == titles
    assert [note.key for note in results.notes] == (["no_speaker"] if not titles else [])


async def test_speakers_and_edited_releases_are_facets(speakers: Searcher) -> None:
    facets = (await speakers.find("kajen OR masten")).hit_page.facets
    counts = [("bo-ekman", "Bo Ekman", 2), ("asa-ek", "Åsa Ek", 1)]
    assert [(choice.value, choice.name, choice.count) for choice in facets["speaker"]] == counts
    assert {choice.value: choice.count for choice in facets["edited"]} == {"no": 2, "yes": 1}
    for agency in ({}, {"agency": ("fyr",)}):
        counted = (await speakers.find(include=agency)).hit_page
        speakers_found = {choice.value: choice.count for choice in counted.facets["speaker"]}
        assert speakers_found == {"bo-ekman": 2, "asa-ek": 1, "eva-vik": 1, "vik": 1}
        assert counted.approximate_facets == []
    cases: tuple[
        tuple[str, dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], set[str]], ...
    ] = (
        ("", {"speaker": ("bo-ekman",)}, {}, {"Kajen", "Masten"}),
        ("kajen", {"speaker": ("bo-ekman",)}, {}, {"Kajen"}),
        ("", {"speaker": ("bo-ekman", "asa-ek")}, {}, {"Kajen"}),
        ("", {"speaker": ("vik",)}, {}, {"Slussen"}),  # the person, not everybody of that name
        ("", {}, {"speaker": ("asa-ek",)}, {"Besök", "Masten", "Bryggan", "Slussen"}),
        ("", {"edited": ("yes",)}, {}, {"Masten"}),
        ("kajen OR masten", {"edited": ("no",)}, {"speaker": ("asa-ek",)}, {"Besök"}),
        ("kajen", {"attachments": ("yes",)}, {}, set()),
    )
    for text, chosen, excluded, titles in cases:
        assert set(await speakers.titles(text, include=chosen, exclude=excluded)) == titles
    (note,) = (await speakers.find(speaker="nora")).notes
    assert (note.key, note.value) == ("no_value", "speaker=nora")


async def test_sqlite_reads_the_index_first(sample: Searcher) -> None:
    """Looking up each release in the index would take seconds in a large archive."""
    steps: list[str] = []

    async def explain(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        if "match :" in sql:
            details = [
                row["detail"] for row in await sample.run(f"explain query plan {sql}", values)
            ]
            steps.append(
                next(
                    step
                    for step in details
                    if step.split()[1] in ("l", "search", "search_questions", "search_quotes")
                )
            )
        return await sample.run(sql, values)

    for show in RESULT_TYPES:
        await Searcher(explain).find(
            "vägarna", agency="vagmyndigheten", tag="Väglag", year="2023", show=show
        )
    assert len(steps) >= 7
    assert all(step.startswith("SCAN search") for step in steps)
