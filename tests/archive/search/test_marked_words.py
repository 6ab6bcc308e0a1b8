"""What a stored state contains of a query: exactly what the index finds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from archive.changes.history import read_stored_revisions
from archive.database.models import LIST_FIELDS, STATE_FIELDS
from archive.database.sqlite_files import RunQuery, build_connection_runner
from archive.language.terms import find_words
from archive.search.marked_words import OccurrenceFinder
from archive.search.query_language import FilterNode, parse_query
from archive.search.query_sql import (
    build_hits_sql,
    build_match,
    iter_nodes,
    plan_search,
    resolve_names,
)
from archive.search.search_request import SearchRequest
from tests.archive.hostile_queries import TYPED

STATE: dict[str, Any] = {
    **dict.fromkeys(STATE_FIELDS),
    **{name: [] for name in LIST_FIELDS},
    "title": "Fyrar i Norr",
    "lead": "Tre fyrar släcks.",
    "body": "Fyren i hamnen släcks.\n\nVarför?\n\nFyrvaktarna går i pension.",
    "questions": [
        {
            "position": 1,
            "question": "Varför?",
            "answer": "Fyrvaktarna går i pension.",
            "answered_by": None,
        }
    ],
    "images": [
        {"url": "https://a.se/1.jpg", "caption": "Fyren vid Ekö", "credit": None, "alt": None}
    ],
    "language": "sv",
}


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ("fyr", [4]),
        ("fyrvaktare", [1]),  # the answer is in the body, too
        ('"fyrar"', [2]),
        ("rubrik:fyr", [1]),
        ("svar:fyrvaktare", [1]),
        ("fråga:fyrvaktare", [0]),
        ("Ekö", [1]),
        ('"i hamnen"', [1]),
        ('"hamnen släcks varför"', [1]),  # from paragraph to paragraph, as in the index
        ('"norr tre"', [0]),  # but not from text to text
        ("fyr*", [5]),
        ('"fyrv"*', [1]),
        ('"fyrvaktare"*', [0]),
        ("fyr NEAR/1 hamn", [1]),
        ("fyr NEAR/0 hamn", [0]),
        ("hamn NEAR fyr NEAR släcka", [1]),
        ("pension -fyr", [1, 4]),
        ("pension OR segel", [1, 0]),
        ("myndighet:x från:2024 segel", [0]),
    ],
)
def test_occurrences_are_counted_once(query: str, counts: list[int]) -> None:
    assert list(OccurrenceFinder(parse_query(query).tree).count(STATE).values()) == counts


@pytest.mark.parametrize(
    ("query", "is_in"),
    [
        ("fyr hamn", True),
        ("fyr segel", False),
        ("fyr OR segel", True),
        ("fyr -segel", True),
        ("fyr -hamn", False),
        ("-segel", True),
        ("fyr (segel OR -hamn)", False),
        ("fyr myndighet:x", True),  # filters are the caller's
        ("fyr -myndighet:x", True),
        ("segel myndighet:x", False),
        ("segel OR myndighet:x", True),
        ("", True),
    ],
)
def test_a_state_matches_a_query(query: str, is_in: bool) -> None:
    assert OccurrenceFinder(parse_query(query).tree).is_in(STATE) is is_in


@pytest.mark.parametrize(
    ("query", "after", "removed", "added"),
    [
        ('"tre fyrar"', {"lead": "Fyra fyrar släcks."}, ["tre fyrar"], []),
        ("fyra", {"lead": "Fyra fyrar släcks."}, [], ["fyra"]),
        ("fyr", {"lead": "Två gånger om: fyrar och fyrar."}, [], ["fyr"]),
        # moved
        ('"tre fyrar"', {"lead": None, "body": f"Tre fyrar släcks.\n\n{STATE['body']}"}, [], []),
        ("pension", {"questions": []}, [], []),  # still in the body
        ("svar:pension", {"questions": []}, ["pension"], []),
        ("Ekö", {"images": []}, ["ekö"], []),
        ("fyr", {"images": None}, [], []),  # not read
    ],
)
def test_what_an_edit_removes_and_adds(
    query: str, after: dict[str, Any], removed: list[str], added: list[str]
) -> None:
    changes = OccurrenceFinder(parse_query(query).tree).compare(STATE, STATE | after)
    assert [[" ".join(leaf.words) for leaf in part] for part in changes] == [removed, added]  # type: ignore[union-attr]


def test_occurrences_are_found_where_they_are() -> None:
    finder = OccurrenceFinder(parse_query('fyr "i hamnen"').tree)
    found = [
        (text.field, text.position, [text.text[span.start : span.end] for span in spans])
        for text, spans in finder.find_in_state(STATE)
    ]
    assert found == [
        ("title", None, ["Fyrar"]),
        ("lead", None, ["fyrar"]),
        ("body", None, ["Fyren", "i hamnen"]),
        ("caption", 1, ["Fyren"]),
    ]


QUERIES = (
    *(
        "myndighet",
        '"myndigheten"',
        "skola",
        "+skola",
        "skol*",
        '"skol"*',
        "SAS",
        "sas",
        "ETS2",
        "lagar",
        "barn",
    ),
    *(
        "rot-avdrag",
        "rotavdrag",
        "EU",
        "EU:s",
        "minister",
        "pension",
        "kvinno*",
        '"i hamnen"',
        "den NEAR/2 hamn",
    ),
    *("rubrik:fyr", "fråga:vem", "svar:hamn", "fråga:vem -svar:hamn", "ingress:stöd OR text:stöd"),
    *("fyr -hamn", "(fyr OR hamn) stöd"),
)


@pytest.fixture(scope="module")
def run(sample_archive: Path) -> Iterator[RunQuery]:
    with closing(sqlite3.connect(sample_archive)) as connection:
        yield build_connection_runner(connection)


async def test_the_index_finds_the_same(run: RunQuery) -> None:
    revisions = [
        row["revision"]
        for row in await run("select revision from releases where moved_to is null", {})
    ]
    stored = (await read_stored_revisions(run, revisions)).values()
    # captions are not in it
    states = {revision["release"]: {**revision["state"], "images": []} for revision in stored}
    texts = " ".join(state[name] for state in states.values() for name in ("title", "body"))
    words = dict.fromkeys(find_words(texts))
    different = []
    for text in (*QUERIES, *TYPED, *words, *(f'"{word}"' for word in words)):
        request = SearchRequest(text=text)
        tree = request.query.tree
        if tree is None or any(isinstance(node, FilterNode) for node in iter_nodes(tree)):
            continue
        names, _ = await resolve_names(run, tree)
        plan = plan_search(request, names)
        rows = await run(build_hits_sql(request, plan, build_match(request, plan)), plan.values)
        finder = OccurrenceFinder(
            tree, {prefix: expansion.lemmas for prefix, expansion in names.prefixes.items()}
        )
        found = {release for release, state in states.items() if finder.is_in(state)}
        if other := found ^ (states.keys() & {row["release"] for row in rows}):
            different.append((text, other))
    assert different == []
