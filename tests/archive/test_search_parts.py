"""A compound is found by its parts in a field of its own and among pairs, too, and marked there."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from archive.models import Question, Release
from archive.search import Results, search
from archive.search.params import SearchRequest
from archive.store import Archive
from tests.archive.sample import SEEN

TITLED = Release(
    agency="fyr",
    url="https://fyr.example/1",
    title="Sjukvårdsministern i hamnen",
    body="Om barnomsorgspersonalen.",
    body_html="<p>…</p>",
    questions=(
        Question(position=1, question="Vad säger sjukvårdsministern?", answer="Det avgör livsmedelsavdelningarna."),
    ),
)
BODIED = dataclasses.replace(
    TITLED, url="https://fyr.example/2", title="Barnomsorgspersonal", body="En sjukvårdsminister.", questions=()
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts") / "archive.db"
    with Archive(path) as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for release in (TITLED, BODIED):
            archive.save(release, seen_at=SEEN)
    return path


async def ask(path: Path, text: str, show: str = "releases") -> Results:
    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        with sqlite3.connect(path) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    return await search(run, SearchRequest(text=text, show=show))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ministrar", {TITLED.url, BODIED.url}),
        ("rubrik:ministrar", {TITLED.url}),
        ("text:minister", {BODIED.url}),
        ("rubrik:barnomsorg", {BODIED.url}),
        ("rubrik:personalens", {BODIED.url}),
        ("minister -rubrik:minister", {BODIED.url}),
        ("svar:avdelning", {TITLED.url}),
        ("fråga:avdelning", set()),
        ('rubrik:"ministern i hamnen"', set()),
        ("rubrik:vård", set()),
    ],
)
async def test_in_a_field(path: Path, text: str, found: set[str]) -> None:
    assert {hit.row["url"] for hit in (await ask(path, text)).hits} == found


async def test_among_pairs_and_marked(path: Path) -> None:
    results = await ask(path, "avdelning ministrar", "questions")
    marked = [text for hit in results.hits for part in (hit.title, hit.excerpt) for text, mark in part if mark]
    assert marked == ["sjukvårdsministern", "livsmedelsavdelningarna"]
    assert (await ask(path, "fråga:avdelning", "questions")).hit_page.total == 0
    titled = (await ask(path, "rubrik:minister")).hits[0]
    assert ("Sjukvårdsministern", True) in titled.title
    assert not any(mark for _, mark in titled.excerpt), "the field that was not asked for"
