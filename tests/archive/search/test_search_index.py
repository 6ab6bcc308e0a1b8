"""The search index is written with each release, follows its edits, and states when it is out of
date.
"""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlite_utils.cli import cli

from archive.__main__ import main
from archive.database.models import Question, Release
from archive.language.terms import ANALYSIS_VERSION
from archive.search.query_sql import match_changed_word, match_word
from archive.search.search_index import (
    DIFF_ROWS,
    PARAGRAPH_END,
    SIDES,
    encode_facet_term,
    extract_diff,
)
from archive.search.state_texts import WHOLE
from archive.store.derived_data import describe_index_fault
from archive.store.releases import Archive

SEEN = datetime(2024, 6, 3, 8, tzinfo=UTC)
RELEASE = Release(
    agency="fyr",
    url="https://fyr.example/1",
    title="Fyrvaktarna slutar",
    lead="Hamnarnas ljus sköts på avstånd.",
    body="Sjukvårdsministern talade om människohandelsbrotten.\n\nVem betalar?\n\nStaten.",
    body_html="<p>…</p>",
    language="sv",
    questions=(Question(position=1, question="Vem betalar?", answer="Staten."),),
)


@pytest.fixture(scope="module")
def stored_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with Archive(tmp_path_factory.mktemp("index") / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        archive.save(RELEASE, seen_at=SEEN)
    return Path(archive.path)


@pytest.fixture
def archive(stored_archive: Path, tmp_path: Path) -> Iterator[Archive]:
    with Archive(Path(shutil.copy(stored_archive, tmp_path / "archive.db"))) as archive:
        yield archive


def save_copies(archive: Archive, count: int) -> None:
    for number in range(2, count + 1):
        archive.save(
            dataclasses.replace(RELEASE, url=f"https://fyr.example/{number}"), seen_at=SEEN
        )


def find_edits(archive: Archive, match: str) -> list[tuple[int, str]]:
    """Return the edits, by revision, that removed or added what matches anywhere, and the side."""
    rows = {
        side: archive.db.execute(
            f"select rowid / {DIFF_ROWS} from search_diff where search_diff match ?",
            [f'scope: "{side}{WHOLE}" AND ({match})'],
        ).fetchall()
        for side in SIDES
    }
    return sorted((key, side) for side, found in rows.items() for (key,) in found)


def count_hits(archive: Archive, match: str, table: str = "search") -> int:
    return len(
        archive.db.execute(f"select rowid from {table} where {table} match ?", [match]).fetchall()
    )


def read_vocabulary(archive: Archive) -> dict[str, int]:
    return dict(
        archive.db.execute("select word, releases from vocabulary order by word").fetchall()
    )


def test_release_is_found_by_words_and_compound_parts(archive: Archive) -> None:
    for word in ("fyrvaktare", "hamn", "HAMNAR", "minister", "människohandel", "brott", "stat"):
        assert count_hits(archive, match_word(word)) == 1, word
    for word in ("handel", "människa", "hamster", "manniskohandel"):
        assert count_hits(archive, match_word(word)) == 0, word


def test_questions_have_their_own_index(archive: Archive) -> None:
    assert count_hits(archive, "question: betala", "search_questions") == 1
    assert count_hits(archive, "question: stat", "search_questions") == 0
    assert count_hits(archive, "answer: stat", "search_questions") == 1
    archive.save(dataclasses.replace(RELEASE, questions=()), seen_at=SEEN)
    assert count_hits(archive, "answer: stat", "search_questions") == 0


def test_index_follows_an_edit(archive: Archive) -> None:
    archive.save(
        dataclasses.replace(RELEASE, lead="Bryggornas ljus sköts på avstånd."), seen_at=SEEN
    )
    assert (count_hits(archive, match_word("hamn")), count_hits(archive, match_word("brygga"))) == (
        0,
        1,
    )
    vocabulary = read_vocabulary(archive)
    assert "hamnarnas" not in vocabulary
    assert vocabulary["bryggornas"] == vocabulary["ljus"] == 1


def read_versions(archive: Archive) -> list[tuple[int, int]]:
    """Return the revisions with an indexed text, each with the row of its text."""
    return archive.db.execute("select id, text from text_versions order by id").fetchall()


def test_edits_are_indexed_by_what_they_removed_and_added(archive: Archive) -> None:
    archive.save(
        dataclasses.replace(RELEASE, lead="Bryggornas ljus sköts på avstånd."), seen_at=SEEN
    )
    expected = {
        match_changed_word("hamn"): [(2, "removed")],
        match_changed_word("brygga"): [(2, "added")],
        match_changed_word("avstånd"): [],  # as often as before
        "text: (ljus sköta)": [(2, "added"), (2, "removed")],
        "text: talade": [],  # unchanged
    }
    for match, edits in expected.items():
        assert find_edits(archive, match) == edits, match
    assert read_versions(archive) == [(1, 1)]
    read_sizes = "select id, sz from search_diff_docsize union all select id, sz from search_versions_docsize"
    before = archive.db.execute(read_sizes).fetchall()
    archive.db.execute("insert into search_diff (search_diff) values ('delete-all')")
    assert describe_index_fault(archive.db) == "it has 0 of 1 changes"
    archive.derived.recompute_all()
    assert archive.db.execute(read_sizes).fetchall() == before
    assert describe_index_fault(archive.db) is None
    archive.db.execute("delete from text_versions")
    assert describe_index_fault(archive.db) == "it has 0 of 1 edited versions"


def test_only_edits_by_the_agency_are_indexed_as_edits(archive: Archive) -> None:
    archive.save(dataclasses.replace(RELEASE, lead="Bryggor."), seen_at=SEEN, cause="parser")
    assert (find_edits(archive, "brygga OR hamn"), read_versions(archive)) == ([], [])
    archive.save(dataclasses.replace(RELEASE, lead="Kajer."), seen_at=SEEN)
    assert find_edits(archive, match_changed_word("brygga")) == [(3, "removed")]
    assert read_versions(archive) == [(2, 2)]  # not what the newer parser replaced
    archive.save(dataclasses.replace(RELEASE, lead="Bryggor."), seen_at=SEEN)
    archive.save(dataclasses.replace(RELEASE, lead="Stegar."), seen_at=SEEN)
    assert read_versions(archive) == [(2, 2), (3, 3), (4, 2)]  # a text that came back is shared
    archive.db.execute("pragma foreign_keys = off")
    for revision in (3, 4):
        archive.db.execute("delete from revisions where id = ?", [revision])
    assert find_edits(archive, match_changed_word("brygga")) == [(5, "removed")]
    assert count_hits(archive, "brygga", "search_versions") == 1
    archive.db.execute("delete from revisions where id = 2")
    assert count_hits(archive, "brygga", "search_versions") == 0


def test_removed_and_added_paragraphs_are_counted_by_field() -> None:
    def state(**changes: Any) -> dict[str, Any]:
        texts = {"title": "Rubrik", "lead": None, "body": "", "language": "sv"}
        return {**texts, "questions": [], "images": [], **changes}

    pair = {"question": "Vem betalar?", "answer": "Staten.", "answered_by": None}
    cases: list[tuple[dict[str, Any], ...]] = [
        ({"body": "Ett hus.\n\nEtt hus."}, {"body": "Ett  hus."}, {"whole body": "ett hus"}, {}),
        ({"body": "Ett.\n\nTvå."}, {"body": "Två.\n\nEtt."}, {}, {}),
        ({"lead": "Ljus."}, {"body": "Ljus."}, {"lead": "ljus"}, {"body": "ljus"}),
        ({"questions": [pair]}, {}, {"whole": f"vem betala {PARAGRAPH_END} stat", "question": "vem betala", "answer": "stat"}, {}),
        ({"questions": [pair], "body": "Vem betalar?\n\nStaten."}, {"body": "Staten."},
         {"whole body question": "vem betala", "answer": "stat"}, {}),
        ({"questions": None}, {"questions": [pair]}, {}, {}),
        ({"images": [{"caption": "En båk"}]}, {"images": [{"caption": None}]}, {"whole caption": "en båk"}, {}),
    ]  # fmt: skip
    for before, after, removed, added in cases:
        found: dict[str, dict[str, str]] = {side: {} for side in SIDES}
        for _, text, *_, scope in extract_diff(state(**before), state(**after)):
            side = next(name for name in SIDES if scope.startswith(name))
            found[side] |= {scope.replace(side, ""): text} if text else {}
        assert list(found.values()) == [removed, added], (before, after)


def test_index_is_rolled_back_with_the_release(archive: Archive) -> None:
    def save_and_fail() -> None:
        with archive.transaction():
            archive.save(
                dataclasses.replace(RELEASE, url="https://fyr.example/2", lead="Bryggor."),
                seen_at=SEEN,
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_and_fail()
    assert count_hits(archive, match_word("brygga")) == 0
    assert describe_index_fault(archive.db) is None


def test_deleted_rows_are_not_found(archive: Archive) -> None:
    archive.db.execute("pragma foreign_keys = off")
    archive.db.execute("delete from questions")
    archive.db.execute("delete from releases")
    assert count_hits(archive, match_word("hamn")) == 0
    assert count_hits(archive, "answer: stat", "search_questions") == 0


@pytest.mark.parametrize("tables", [(), ("releases",), ("search",)])
def test_rebuild_fts_of_sqlite_utils_fails_and_changes_nothing(
    archive: Archive, tables: tuple[str, ...]
) -> None:
    result = CliRunner().invoke(cli, ["rebuild-fts", str(archive.path), *tables])
    assert isinstance(result.exception, sqlite3.Error)
    assert count_hits(archive, match_word("hamn")) == 1


def test_index_of_another_version_is_rebuilt_on_opening(archive: Archive) -> None:
    before = read_vocabulary(archive)
    archive.db.execute("update derived_versions set version = 'older' where step = 'search'")
    archive.db.execute("insert into search (search) values ('delete-all')")
    archive.db.execute("delete from vocabulary")
    assert describe_index_fault(archive.db) == f"it was built with older, not {ANALYSIS_VERSION}"
    with Archive(archive.path) as reopened:
        assert describe_index_fault(reopened.db) is None
        assert count_hits(reopened, match_word("hamn")) == 1
        assert read_vocabulary(reopened) == before


def test_rebuild_stores_the_weights_of_today(archive: Archive) -> None:
    read_weights = "select v from search_config where k = 'rank'"
    (weights,) = archive.db.execute(read_weights).fetchone()
    archive.db.execute("insert into search (search, rank) values ('rank', 'bm25(1.0)')")
    archive.db.conn.commit()
    archive.derived.recompute_all()
    assert archive.db.execute(read_weights).fetchone() == (weights,)


def test_interrupted_rebuild_is_resumed(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    save_copies(archive, 5)
    before = read_vocabulary(archive)
    monkeypatch.setattr("archive.store.derived_data.BATCH_SIZE", 2)

    def interrupt(_: str, done: int, total: int) -> None:
        assert total == 5
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive.derived.recompute_all(interrupt)
    assert describe_index_fault(archive.db) == "it was rebuilt only up to row 4 of releases"
    assert archive.derived.recompute_all() == 1
    assert describe_index_fault(archive.db) is None
    assert read_vocabulary(archive) == before


def test_concurrent_rebuilds_share_the_work(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_copies(archive, 7)
    before = read_vocabulary(archive)
    monkeypatch.setattr("archive.store.derived_data.BATCH_SIZE", 2)
    done_by_other: list[int] = []
    with Archive(archive.path) as other:
        done = archive.derived.recompute_all(
            lambda *_: (
                None if done_by_other else done_by_other.append(other.derived.recompute_all())
            )
        )
    assert (done, done_by_other) == (2, [5])
    assert describe_index_fault(archive.db) is None
    assert read_vocabulary(archive) == before


def test_release_written_by_another_program_is_a_fault(archive: Archive) -> None:
    for statement in (
        "insert into releases (agency, url, title, body, body_html, added, first_seen, hash)"
        " values ('fyr', 'https://fyr.example/9', 'Bryggor', '', '', '2024-01-01', '2024-01-01', '')",
        "insert into revisions (release, seen, cause, title, body, body_html, hash)"
        " values (2, '2024-01-01', 'first', 'Bryggor', '', '', '')",
        "update releases set revision = 2 where id = 2",
    ):
        archive.db.execute(statement)
    assert describe_index_fault(archive.db) == "it has 1 of 2 releases"
    archive.derived.recompute_all()
    assert count_hits(archive, match_word("brygga")) == 1


def test_reindex_command(
    archive: Archive, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    archive.db.execute("insert into search (search) values ('delete-all')")
    assert main(["reindex", str(archive.path)]) == 0
    assert f"1 releases indexed by {ANALYSIS_VERSION}" in capsys.readouterr().out
    assert count_hits(archive, match_word("hamn")) == 1
    assert main(["reindex", str(tmp_path / "none.db")]) == 2


def test_release_listed_again_is_found_by_its_month(archive: Archive) -> None:
    archive.save(
        dataclasses.replace(RELEASE, url="https://fyr.example/2", title="En annan"), seen_at=SEEN
    )
    month = f'"{encode_facet_term("sort_month", "2024-06")}"'
    archive.save(
        dataclasses.replace(RELEASE, published=SEEN, published_text="3 juni"), seen_at=SEEN
    )
    assert count_hits(archive, month) == 1
    with archive.transaction():
        archive.db.execute("update releases set moved_to = 2 where id = 1")
    archive.derived.recompute_all()
    with archive.transaction():
        archive.db.execute("update releases set moved_to = null where id = 1")
    assert archive.db.execute(
        "select rowid from search where search match ?", [month]
    ).fetchone() == (1,)
