"""The index of words: written with the release, followed by edits, never silently out of date."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlite_utils.cli import cli

from archive.__main__ import main
from archive.analysis import ANALYSIS_VERSION
from archive.models import Question, Release
from archive.search.fts import match_word
from archive.search.index import encode_facet_term
from archive.store import Archive

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


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        archive.save(RELEASE, seen_at=SEEN)
        yield archive


def found(archive: Archive, match: str, table: str = "search") -> int:
    return len(archive.db.execute(f"select rowid from {table} where {table} match ?", [match]).fetchall())


def save_and_fail(archive: Archive, release: Release) -> None:
    with archive.transaction():
        archive.save(release, seen_at=SEEN)
        1 / 0  # noqa: B018 - the fault


def words(archive: Archive) -> dict[str, int]:
    return dict(archive.db.execute("select word, releases from vocabulary").fetchall())


@pytest.mark.parametrize("word", ["fyrvaktare", "hamn", "HAMNAR", "minister", "människohandel", "brott", "stat"])
def test_a_release_is_found_by_its_words(archive: Archive, word: str) -> None:
    assert found(archive, match_word(word)) == 1


@pytest.mark.parametrize("word", ["handel", "människa", "hamster", "manniskohandel"])
def test_it_is_not_found_by_others(archive: Archive, word: str) -> None:
    assert found(archive, match_word(word)) == 0


def test_a_compound_with_a_meaning_of_its_own_is_not_found_by_its_last_word(archive: Archive) -> None:
    archive.save(dataclasses.replace(RELEASE, url="https://fyr.example/2", title="Om människohandeln"), seen_at=SEEN)
    assert found(archive, match_word("människohandel")) == 2
    assert found(archive, match_word("handel")) == 0


def test_questions_have_an_index_of_their_own(archive: Archive) -> None:
    assert found(archive, "question: betala", "search_questions") == 1
    assert found(archive, "question: stat", "search_questions") == 0
    assert found(archive, "answer: stat", "search_questions") == 1
    archive.save(dataclasses.replace(RELEASE, questions=()), seen_at=SEEN)
    assert found(archive, "answer: stat", "search_questions") == 0


def test_the_index_follows_an_edit(archive: Archive) -> None:
    archive.save(dataclasses.replace(RELEASE, lead="Bryggornas ljus sköts på avstånd."), seen_at=SEEN)
    assert (found(archive, match_word("hamn")), found(archive, match_word("brygga"))) == (0, 1)
    counted = words(archive)
    assert "hamnarnas" not in counted
    assert counted["bryggornas"] == counted["ljus"] == 1


def test_it_stands_or_falls_with_the_release(archive: Archive) -> None:
    bad = dataclasses.replace(RELEASE, url="https://fyr.example/2", lead="Bryggor.")
    with pytest.raises(ZeroDivisionError):
        save_and_fail(archive, bad)
    assert found(archive, match_word("brygga")) == 0
    assert archive.writer.index.describe_fault() is None


def test_what_is_deleted_is_not_found(archive: Archive) -> None:
    archive.db.execute("pragma foreign_keys = off")
    archive.db.execute("delete from questions")
    archive.db.execute("delete from releases")
    assert found(archive, match_word("hamn")) == 0
    assert found(archive, "answer: stat", "search_questions") == 0


def test_rebuild_fts_is_refused_and_harms_nothing(archive: Archive) -> None:
    for table in ((), ("releases",), ("search",)):
        result = CliRunner().invoke(cli, ["rebuild-fts", str(archive.path), *table])
        assert isinstance(result.exception, sqlite3.Error), table
    assert found(archive, match_word("hamn")) == 1


def test_an_index_of_another_version_is_made_anew_when_opened(archive: Archive) -> None:
    before = sorted(words(archive).items())
    archive.db.execute("update search_meta set value = 'older' where name = 'version'")
    archive.db.execute("insert into search (search) values ('delete-all')")
    archive.db.execute("delete from vocabulary")
    assert f"it was made by older, here is {ANALYSIS_VERSION}" == archive.writer.index.describe_fault()
    with Archive(archive.path) as again:
        assert again.writer.index.describe_fault() is None
        assert found(again, match_word("hamn")) == 1
        assert sorted(words(again).items()) == before


def test_a_renewal_that_was_broken_off_goes_on(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2, 6):
        archive.save(dataclasses.replace(RELEASE, url=f"https://fyr.example/{number}"), seen_at=SEEN)
    before = sorted(words(archive).items())
    monkeypatch.setattr("archive.search.index.REINDEX_BATCH", 2)

    def stop(_: str, done: int, total: int) -> None:
        assert total == 5
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive.writer.index.rebuild(stop)
    assert archive.writer.index.describe_fault() == "it was renewed as far as release 4 only"
    assert archive.writer.index.rebuild() == 1
    assert archive.writer.index.describe_fault() is None
    assert sorted(words(archive).items()) == before


def test_a_release_written_by_another_hand_is_missed(archive: Archive) -> None:
    archive.db.execute(
        "insert into releases (agency, url, title, body, body_html, first_seen, last_checked, hash)"
        " values ('fyr', 'https://fyr.example/9', 'Bryggor', '', '', '2024', '2024', '')"
    )
    assert archive.writer.index.describe_fault() == "it holds 1 releases of 2"
    archive.writer.index.rebuild()
    assert found(archive, match_word("brygga")) == 1


def test_the_command_tells_what_it_did(archive: Archive, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    archive.db.execute("insert into search (search) values ('delete-all')")
    assert main(["reindex", str(archive.path)]) == 0
    assert f"1 releases indexed by {ANALYSIS_VERSION}" in capsys.readouterr().out
    assert found(archive, match_word("hamn")) == 1
    assert main(["reindex", str(tmp_path / "none.db")]) == 2


def test_two_renewals_share_the_work(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2, 8):
        archive.save(dataclasses.replace(RELEASE, url=f"https://fyr.example/{number}"), seen_at=SEEN)
    before = sorted(words(archive).items())
    monkeypatch.setattr("archive.search.index.REINDEX_BATCH", 2)
    others: list[int] = []

    with Archive(archive.path) as other:
        done = archive.writer.index.rebuild(
            lambda *_: others.append(other.writer.index.rebuild()) if not others else None
        )
    assert (done, others) == (2, [5])
    assert archive.writer.index.describe_fault() is None
    assert sorted(words(archive).items()) == before


def test_what_comes_back_into_lists_is_found_by_its_month(archive: Archive) -> None:
    archive.save(dataclasses.replace(RELEASE, url="https://fyr.example/2", title="En annan"), seen_at=SEEN)
    month = f'"{encode_facet_term("sort_month", "2024-06")}"'
    archive.save(dataclasses.replace(RELEASE, published=SEEN, published_text="3 juni"), seen_at=SEEN)
    assert found(archive, month) == 1
    with archive.transaction():
        archive.db.execute("update releases set moved_to = 2 where id = 1")
    archive.writer.index.rebuild()
    with archive.transaction():
        archive.db.execute("update releases set moved_to = null where id = 1")
    assert archive.db.execute("select rowid from search where search match ?", [month]).fetchone() == (1,)
