"""Searches in earlier versions and in edits: what is found, when it disappeared, and in which
order.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.database.models import Image, Question, Release
from archive.database.sqlite_files import build_connection_runner
from archive.search.column_cache import ColumnCache
from archive.search.excerpts import SearchHit
from archive.search.results import find_hit_position, search, search_all
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from tests.archive.changes.states import EDITS, read_markdown, read_stored_edits
from tests.archive.search.conftest import Searcher, build_request, marks

START, DAY = datetime(2026, 5, 1, 8, tzinfo=UTC), timedelta(days=1)
PAIRS = read_stored_edits()


def release(number: int, body: str, **fields: Any) -> Release:
    title = fields.pop("title", f"Nyhet {number}")
    markup = "".join(f"<p>{text}</p>" for text in body.split("\n\n"))
    day = START.date() - timedelta(days=number)
    base = Release(
        agency="fyr", url=f"https://fyr.example/{number}", title=title, body=body, body_html=markup
    )
    return dataclasses.replace(base, published=day, language="sv", **fields)


VERSIONS = {  # number → versions, a day apart; each differs from the one before
    1: [
        "Stödet är 120 miljoner kronor.\n\nAnsök i maj.",
        "Stödet är 121 miljoner kronor.\n\nAnsök i maj.",
    ],
    2: [
        "Hamnen får kranar.\n\nFärjan går.",
        "Hamnen får kranar.\n\nBåten går.",
        "Kajen får räls.\n\nBåten går.",
    ],
    # the word is still there, but less often
    3: ["Bojarna målas.\n\nBojarna räknas.", "Bojarna målas."],
    4: [
        "Lotsen kommer.\n\nIsen ligger.",
        "Isen ligger.\n\nLotsen kommer.",
        "Isen ligger.\n\nLotsen kommer. Snart.",
    ],
    5: ["Prisutdelning.", "Vi har 120 miljoner nu.", "Prisutdelning."],  # back again
    6: ["Vraket syns.", "Vraket syns. Dykförbud råder.", "Vraket syns. Dykförbud råder."],
    7: ["Dykförbud i Ekö."],
}


@pytest.fixture(scope="module")
def versions_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("versions") / "archive.db"
    with Archive(path) as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for number, bodies in VERSIONS.items():
            for day, body in enumerate(bodies):
                archive.save(release(number, body), seen_at=START + day * DAY)
        pictured = release(
            8,
            "En text.",
            questions=(Question(position=1, question="Vem svarar?", answer="Generallotsen."),),
            images=(Image(url="https://fyr.example/8.jpg", caption="Utsikt mot fyrskeppet"),),
        )
        archive.save(pictured, seen_at=START)
        archive.save(dataclasses.replace(pictured, questions=(), images=()), seen_at=START + DAY)
        misread = release(9, "Menyn och texten.")
        archive.save(misread, seen_at=START)
        archive.save(release(9, "Texten."), seen_at=START, cause="parser")
        moved = release(10, "Sälarna räknas.")
        archive.save(moved, seen_at=START)
        new_url = "https://fyr.example/flyttad"
        archive.save(
            dataclasses.replace(release(10, "Gråsälarna."), url=new_url), seen_at=START + DAY
        )
        with archive.transaction():
            merge_releases(archive, 10, 11, START + DAY, new_url, cause="source", status=301)
        for number, body in ((12, "Tången växer."), (13, "Tången växer med blåmusslor.")):
            archive.save(release(number, body), seen_at=START)
        archive.mark_checked(13, START + DAY)
        with archive.transaction():  # both existed at the same time
            merge_releases(
                archive, 13, 12, START + 2 * DAY, release(12, "").url, cause="source", status=301
            )
    return path


@pytest.fixture(scope="module")
def versions(versions_archive: Path) -> Iterator[Searcher]:
    with closing(sqlite3.connect(versions_archive)) as connection:
        yield Searcher(build_connection_runner(connection))


async def find(searcher: Searcher, text: str, **options: Any) -> list[SearchHit]:
    return [hit for hit in (await searcher.find(text, **options)).hits if not hit.is_loose]


@pytest.mark.parametrize(
    ("text", "current", "former"),
    [
        ('"120 miljoner"', [], [1, 5]),
        ("miljoner", [1], [5]),
        ('"121 miljoner"', [1], []),
        ("färja", [], [2]),
        ("kran färja", [], [2]),  # of one version, removed by two edits
        ("färja kaj", [], []),  # never of one version
        ("räls färja", [], []),
        ("kran båt", [], [2]),
        ("båt", [2], []),
        ("kran -färja", [], [2]),  # of the second version
        ("hamn -kaj", [], [2]),  # the edit that added the quay also removed the harbour
        ("vrak -dykförbud", [], [6]),  # nothing was removed
        ("vrak -(dykförbud råder)", [], [6]),
        ("hamn OR räkna", [], [2, 3, 11]),
        ("(färja kran) hamn", [], [2]),
        ("(färja båt) OR (boj räkna)", [], [3]),  # one of the words is still there
        ("räkna", [], [3, 11]),  # the tenth is continued by the eleventh
        ('"isen ligger lotsen"', [4], []),
        ("svar:generallots", [], [8]),
        ("fråga:svara", [], [8]),
        ("rubrik:generallots", [], []),
        ("text:generallots", [], []),  # only in an answer
        ("fyrskepp", [], [8]),
        ("menyn", [], []),  # only read otherwise
        ("sälarna", [], [11]),
        ("blåmussla tång", [], [12]),
        ("tång", [12], []),
        ("dykförbud", [6, 7], []),
        ("stöd agency:ek", [], []),
        ("färja agency:fyr from:2026-04-29 to:2026-04-29", [], [2]),
        ("färja from:2026-04-30", [], []),
        ('"miljoner krono"*', [1], []),
        ("milj*", [1], [5]),
        ("NEAR(vi nu, 3)", [], [5]),
    ],
)
async def test_earlier_versions_are_found(
    versions: Searcher, text: str, current: list[int], former: list[int]
) -> None:
    hits = await find(versions, text, all_versions=True)
    found = [(hit.row["id"], hit.change and hit.change.kind) for hit in hits]
    assert sorted(key for key, kind in found if kind is None) == current
    assert sorted(key for key, kind in found if kind == "former") == former
    assert sorted(hit.row["id"] for hit in await find(versions, text)) == current


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('removed:"120 miljoner"', [1, 5]),
        ("borttaget:miljoner", [5]),  # the first has them before and after
        ("removed:boj", [3]),  # twice before, once after
        ("removed:lotsen", [8]),  # moved in the fourth
        ("added:snart", [4]),
        ('added:"lotsen kommer snart"', [4]),
        ('added:"lotsen kommer"', []),
        ("removed:120 added:121", [1]),
        ("removed:120 added:prisutdelning", [5]),
        ("removed:färja removed:kran", []),  # by two edits
        ("removed:färja båt", [2]),
        ("removed:färja -båt", []),
        ("-removed:färja båt", []),
        ("removed:(hamn OR räkna)", [2, 3, 11]),
        ("removed:(hamn -kran)", []),
        ("removed:(hamn -båt)", [2]),
        ("removed:svar:generallots", [8]),
        ("removed:rubrik:generallots", []),
        ("removed:text:generallots", []),
        ("removed:text:fyrskepp", []),
        ("removed:fyrskepp", [8]),
        ("removed:menyn", []),
        ("removed:säl", [11]),
        ("added:dykförbud", [6]),
        ("added:prisutdelning", [5]),
        ("färja OR removed:boj", [3]),
        ("removed:finnsinte", []),
    ],
)
async def test_edits_are_found(versions: Searcher, text: str, found: list[int]) -> None:
    assert sorted(hit.row["id"] for hit in await find(versions, text)) == found
    with_versions = {hit.row["id"] for hit in await find(versions, text, all_versions=True)}
    assert with_versions >= set(found)


async def test_change_names_the_versions_and_both_checks(versions: Searcher) -> None:
    cases = [
        ("färja", "former", 3, 4, 0),
        ("kran", "former", 4, 5, 1),
        ('"har 120 miljoner"', "former", 12, 13, 1),
        ("removed:färja", "removed", 3, 4, 0),
        ("added:räls", "added", 4, 5, 1),
        ("removed:kran added:räls", "edited", 4, 5, 1),
    ]
    for text, kind, before, after, day in cases:
        (hit,) = await find(versions, text, all_versions=True)
        assert hit.change
        assert dataclasses.astuple(hit.change)[:5] == (
            *(kind, before, after),
            *((START + days * DAY).isoformat() for days in (day, day + 1)),
        ), text
        assert hit.change.path == f"/-/diff/{before}/{after}"
        assert marks(hit.excerpt), text


async def test_former_hits_take_turns_with_others_or_are_sorted_by_date(versions: Searcher) -> None:
    best, newest = [
        [
            hit.row["id"]
            for hit in await find(
                versions, "miljoner OR dykförbud OR färja", all_versions=True, order=order
            )
        ]
        for order in ("best", "newest")
    ]
    assert newest == [1, 2, 5, 6, 7]
    assert sorted(best) == newest
    assert [key in (2, 5) for key in best] == [False, True, False, True, False]


async def test_counts_facets_and_exports_include_former_hits(versions: Searcher) -> None:
    request = build_request("miljoner", all_versions=True)
    results = await search(versions.run, request)
    assert (results.hit_page.total, list(results.hit_page.former.ids)) == (2, [5])
    assert [(choice.value, choice.count) for choice in results.hit_page.facets["agency"]] == [
        ("fyr", 2)
    ]
    batches = [hit async for batch in search_all(versions.run, request) for hit in batch]
    assert [hit.row["id"] for hit in batches] == [1, 5]
    assert [bool(hit.change) for hit in batches] == [False, True]
    assert (
        await search(versions.run, build_request("miljoner", all_versions=True, agency="ek"))
    ).hit_page.total == 0
    (hit,) = (
        await search(versions.run, build_request("miljoner", all_versions=True, size=1, page=2))
    ).hits
    assert hit.row["id"] == 5


async def test_answers_in_the_body_are_no_edits_of_their_own(tmp_path: Path) -> None:
    question = (Question(position=1, question="Vad lyfter?", answer="Kranen lyfter."),)
    edits = [  # each of a body with these words, with a question and without
        (
            "Vad lyfter?\n\nKranen lyfter.\n\nKranen igen.",
            "Vad lyfter?\n\nKranen lyfter.\n\nKranen åter igen.",
        ),
        ("Vad lyfter?\n\nKranen lyfter.\n\nKranen igen.", "Vad lyfter?\n\nKranen lyfter."),
    ]
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for number, bodies in enumerate(edits * 2):
            for day, body in enumerate(bodies):
                pairs = question if (day == 0) == (number < 2) else ()
                archive.save(
                    release(number, body, title="Lyft", questions=pairs), seen_at=START + day * DAY
                )
        searcher = Searcher(build_connection_runner(archive.db.conn))
        for text in ("removed:kran", "removed:(kran -båt)"):
            assert sorted(hit.row["id"] for hit in await find(searcher, text)) == [2, 4], text


async def test_words_that_a_caption_still_has_are_not_former(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        picture = (Image(url="https://fyr.example/1.jpg", caption="Skeppet vid kajen"),)
        for day, body in enumerate(("Skeppet går.\n\nEn text.", "En text.")):
            archive.save(release(1, body, images=picture), seen_at=START + day * DAY)
        searcher = Searcher(build_connection_runner(archive.db.conn))
        (hit,) = (results := await searcher.find("skepp", all_versions=True)).hits
        assert (results.hit_page.total, hit.change, marks(hit.excerpt)) == (1, None, ["Skeppet"])


async def test_hidden_release_is_not_found_in_versions(
    versions_archive: Path, tmp_path: Path
) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for day, body in enumerate(VERSIONS[1]):
            archive.save(release(1, body), seen_at=START + day * DAY)
        searcher = Searcher(build_connection_runner(archive.db.conn))
        assert len(await find(searcher, '"120 miljoner"', all_versions=True)) == 1
        hide_release(archive, 1, START, reason="Beslut")
        for text in ('"120 miljoner"', "removed:120"):
            assert await find(searcher, text, all_versions=True) == []


@pytest.mark.slow("all real edits")
@pytest.mark.skipif(not PAIRS, reason=f"no stored edits: {EDITS} is missing (set PAGES)")
async def test_every_removed_and_added_sentence_of_real_edits_is_found(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        sentences = []
        for number, pair in enumerate(PAIRS, 1):
            states = [read_markdown(pair[side]) for side in ("before", "after")]
            for day, state in enumerate(states):
                stored = release(number, state["body"], title=state["title"])
                archive.save(
                    dataclasses.replace(stored, body_html=state["body_html"]),
                    seen_at=START + day * DAY,
                )
            sentences += [(number, *change) for change in list_changed_sentences(*states)]
        searcher = Searcher(build_connection_runner(archive.db.conn))
        assert len(sentences) > 100
        missed = []
        for number, kind, sentence in sentences:
            for text, options in (
                (f'{kind}:"{sentence}"', {}),
                (f'"{sentence}"', {"all_versions": True}),
            ):
                hits = {hit.row["id"]: hit for hit in await find(searcher, text, **options)}
                change = hits[number].change if number in hits else None
                is_current = kind == "added" and options
                expected = None if is_current else (START.isoformat(), (START + DAY).isoformat())
                if (
                    number not in hits
                    or (change and (change.checked_before, change.checked_after)) != expected
                ):
                    missed.append((text, change))
        assert missed == []


def list_changed_sentences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the sentences that only one of two states has, as words, each with whether it was
    removed or added.
    """
    sides = []
    for state in (before, after):
        paragraphs = [state["title"], *state["body"].split("\n\n")]
        sentences = [words for text in paragraphs for part in re.split(r"(?<=[.!?])\s", text)
                     if len(words := re.findall(r"\w+", part)) > 2]  # fmt: skip
        sides.append({" ".join(words[:30]) for words in sentences})
    texts = [
        " ".join(re.findall(r"\w+", state["title"] + " " + state["body"]))
        for state in (before, after)
    ]
    removed = [("removed", words) for words in sides[0] if f" {words} " not in f" {texts[1]} "]
    return removed + [("added", words) for words in sides[1] if f" {words} " not in f" {texts[0]} "]


@pytest.mark.parametrize("text", ["miljoner", "kranar OR dykförbud OR färjan", "borttaget:färjan"])
async def test_hits_of_earlier_versions_are_beside_each_other(
    versions: Searcher, text: str
) -> None:
    request = build_request(text, all_versions=True)
    hits = (await versions.find(text, all_versions=True)).hits
    assert any(hit.change for hit in hits)
    for number, hit in enumerate(hits, 1):
        found = await find_hit_position(versions.run, request, hit.row["id"], number, ColumnCache())
        assert (found.number, found.change) == (number, hit.change)
        beside = [other and other.change for other in (found.previous, found.next)]
        assert beside == [
            hits[number - 2].change if number > 1 else None,
            hits[number].change if number < len(hits) else None,
        ]


async def test_feed_of_new_releases_has_former_hits(versions_archive: Path, tmp_path: Path) -> None:
    with closing(
        sqlite3.connect(shutil.copy(versions_archive, tmp_path / "archive.db"))
    ) as connection:
        connection.execute(
            "insert into crawls (agency, spider, started,"
            " finished, reason) values ('fyr',"
            " 'news', ?, ?, 'finished')",
            [(START - DAY).isoformat()] * 2,
        )
        searcher = Searcher(build_connection_runner(connection))
        hits = await find(searcher, "miljoner OR färja", all_versions=True, news=True, strict=True)
        assert [(hit.row["id"], bool(hit.change)) for hit in hits] == [
            (5, True),
            (2, True),
            (1, False),
        ]
