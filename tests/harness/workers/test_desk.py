"""Tests that each message has its effect exactly once, whoever dies when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from archive.changes.new_releases import read_feed_page
from archive.database.sqlite_files import build_connection_runner, run_without_waiting
from archive.evidence.verification import verify
from archive.store.releases import Archive
from archive.times import now
from scraper.agency import Agency
from scraper.distributed.archive_writer import MessageProcessor
from scraper.distributed.worker_messages import (
    WorkerMessage,
    WorkerOperation,
    build_job,
    pack_operations,
    unpack_job,
    unpack_message,
)
from scraper.errors import BrokerError
from scraper.ingest.parsed_page import FetchedPage, ParsedPage
from scraper.pages.page_reader import read_page
from scraper.revisit_schedule import parse_schedule
from tests.site.agency import SampleAgency

SLUG = "skogsbruksradet"
BASE = f"http://{SLUG}.localhost:8002"
AGENCY = Agency(slug=SLUG, name="Skogsbruksrådet", home=f"{BASE}/")
SITE = SampleAgency(SLUG, 6, None)
PATHS = [path for path, release in SITE.releases.items() if release.language == "sv"][:3]
NAMES = (
    "listed",
    "already_stored",
    "rejected",
    "errors",
    "requests",
    "not_modified",
    "bytes",
    "unchanged",
    "missing",
)
COUNTS = dict.fromkeys(NAMES, 3)
CLOSING: dict[str, Any] = {
    "counts": COUNTS,
    "reason": "finished",
    "is_finished": True,
    "politeness": {"delay": 1.5, "robots": "allowed"},
    "source_failures": {},
}


@dataclass
class Writer:
    """A message processor that can be abandoned in the middle and started again."""

    path: Path
    token: int = 7
    seq: int = 0

    def __post_init__(self) -> None:
        self.desk = MessageProcessor(self.path, parse_schedule("else=1d"))

    def die(self) -> None:
        """Abandon everything but the files."""
        self.desk.close()
        self.desk = MessageProcessor(self.path, parse_schedule("else=1d"))

    def message(self, *operations: WorkerOperation) -> WorkerMessage:
        """Return the worker's next message."""
        self.seq += 1
        return WorkerMessage(agency=SLUG, token=self.token, seq=self.seq, operations=operations)

    def begin(self) -> None:
        """Begin a round and a pass, and list the links of a source."""
        assert self.desk.start_round(
            self.message(WorkerOperation(name="start_round", kwargs={})), AGENCY
        )
        told = {"agency": SLUG, "role": "release", "seen_at": now()}
        added = [
            WorkerOperation(name="frontier.add", args=(BASE + path,), kwargs=told) for path in PATHS
        ]
        for operations in ([begin()], added):
            assert self.desk.apply_message(self.message(*operations), AGENCY)

    def keep(self, path: str, **otherwise: Any) -> WorkerMessage:
        """Return a message that a page was parsed."""
        url = BASE + path
        answer = FetchedPage(
            url=url,
            fetched_at=datetime.now(UTC),
            status=200,
            headers={},
            body=SITE.answer(path, "", BASE).make(),
        )
        item = replace(read_page(answer.body, url, AGENCY), **otherwise)
        reading = ParsedPage(item=item, url=url, release_id=None, response=answer)
        return self.message(WorkerOperation(name="save_page", args=(reading,), kwargs={}))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.desk.archive.db.execute(sql).fetchall()

    def all(self) -> str:
        """Return everything that the archive contains."""
        return "\n".join(self.desk.archive.db.conn.iterdump())


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "archive.db")
    yield writer
    writer.desk.close()


def begin() -> WorkerOperation:
    return WorkerOperation(name="open_crawl", kwargs={"spider": "news", "at": now()})


def close(**more: Any) -> WorkerOperation:
    return WorkerOperation(
        name="close_crawl", kwargs={**CLOSING, "at": now(), "failures": {}, "problems": [], **more}
    )


def test_a_round_is_kept_as_an_embedded_crawl_keeps_it(writer: Writer) -> None:
    writer.begin()
    for path in PATHS:
        assert writer.desk.apply_message(writer.keep(path), AGENCY)
        writer.die()  # after each message: counts are not lost
    assert writer.desk.apply_message(writer.message(close(problems=["a", "b"])), AGENCY)
    ((new, parsed, listed, requests, delay, reason, problems),) = writer.rows(
        "select new, parsed, listed, requests, delay, reason, problems from crawls"
    )
    assert (new, parsed, listed, requests, delay, reason, problems) == (
        3,
        3,
        3,
        3,
        1.5,
        "finished",
        '["a", "b"]',
    )
    assert writer.rows("select distinct state from frontier") == [("stored",)]
    assert writer.desk.apply_message(
        writer.message(WorkerOperation(name="finish_round", kwargs={})), AGENCY
    )
    assert writer.desk.jobs.list_unfinished() == []
    assert verify(writer.path).findings == []


@pytest.mark.parametrize("ahead", [timedelta(hours=-5), timedelta(hours=5)])
def test_a_writer_with_another_clock_leaves_nothing_new_out(
    writer: Writer, ahead: timedelta
) -> None:
    """Test that an undated release is new if its crawl found it, by the times of the worker's
    clock.
    """
    assert writer.desk.start_round(
        writer.message(WorkerOperation(name="start_round", kwargs={})), AGENCY
    )
    for hour, path in enumerate(PATHS[:2], 8):
        moment = datetime(2026, 3, 2, hour, tzinfo=UTC)
        with time_machine.travel(moment):
            told = [
                writer.message(begin()),
                writer.keep(path, published=None, updated=None),
                writer.message(close()),
            ]
        with time_machine.travel(moment + ahead):
            assert all(writer.desk.apply_message(message, AGENCY) for message in told)
    page = run_without_waiting(read_feed_page(build_connection_runner(writer.desk.archive.db.conn)))
    assert [row["url"] for row in page.rows] == [BASE + PATHS[1]]


def test_what_comes_twice_changes_nothing(writer: Writer) -> None:
    writer.begin()
    told = [
        writer.keep(PATHS[0]),
        writer.message(close()),
        writer.message(WorkerOperation(name="finish_round", kwargs={})),
    ]
    for message in told:
        assert writer.desk.apply_message(message, AGENCY)
        before = writer.all()
        writer.die()
        for again in told[: told.index(message) + 1]:
            assert writer.desk.apply_message(again, AGENCY)
        assert writer.all() == before


def test_a_message_is_applied_with_its_number_or_not_at_all(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.begin()
    message, before = writer.keep(PATHS[0]), writer.all()
    with monkeypatch.context() as patch:

        def fail(*args: object, **kwargs: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        patch.setattr(writer.desk.jobs, "mark_applied", fail)
        with pytest.raises(sqlite3.OperationalError):
            writer.desk.apply_message(message, AGENCY)
    assert writer.all() == before
    writer.die()
    assert writer.desk.apply_message(message, AGENCY)
    assert writer.rows("select count(*) from releases") == [(1,)]


def test_older_tokens_and_gaps_are_not_taken(writer: Writer) -> None:
    writer.begin()
    late = writer.keep(PATHS[0])
    missing = writer.keep(PATHS[1])
    before = writer.all()
    assert not writer.desk.apply_message(missing, AGENCY), "the one before it is not here"
    assert writer.all() == before
    writer.token, writer.seq = 8, 0
    writer.begin()
    assert not writer.desk.apply_message(late, AGENCY)
    assert writer.rows("select count(*) from releases") == [(0,)]
    older = WorkerMessage(
        agency=SLUG, token=7, seq=1, operations=(WorkerOperation(name="start_round", kwargs={}),)
    )
    assert not writer.desk.start_round(older, AGENCY)


def test_a_page_that_writers_die_of_is_done_with(writer: Writer) -> None:
    writer.begin()
    poison = writer.keep(PATHS[0])
    assert writer.desk.reject_pages(poison, AGENCY)
    assert writer.rows(f"select state from frontier where url = '{BASE + PATHS[0]}'") == [
        ("rejected",)
    ]
    assert [row["url"] for row in writer.desk.recorder.refused.list_pages(SLUG)] == [
        BASE + PATHS[0]
    ]
    assert writer.desk.apply_message(writer.keep(PATHS[1]), AGENCY), "others go on"
    found = writer.message(
        WorkerOperation(name="frontier.mark_done", args=(BASE,), kwargs={"seen": now()})
    )
    assert not writer.desk.reject_pages(found, AGENCY), (
        "what a source lists must not be passed over"
    )


def test_a_refused_page_reaches_the_writer_with_its_bytes_and_is_kept_once(writer: Writer) -> None:
    writer.begin()
    url = BASE + PATHS[0]
    fetched_at = now().replace(microsecond=0)
    page = FetchedPage(
        url=url, fetched_at=fetched_at, status=200, headers={"etag": "1"}, body=b"<p>Paus</p>"
    )
    failed = WorkerOperation(
        name="recorder.record_failure",
        args=(url, None, page.fetched_at, f"{url}: is no release"),
        kwargs={"rejected": True, "refused": page},
    )
    text, body = pack_operations((failed,))
    parts = {"agency": SLUG, "token": writer.token, "seq": writer.seq + 1}
    fields = {name.encode(): str(value).encode() for name, value in parts.items()}
    message = unpack_message({**fields, b"operations": text, b"body": body})
    writer.seq += 1
    for _ in range(2):
        assert writer.desk.apply_message(message, AGENCY)
        writer.die()
    (kept,) = writer.desk.recorder.refused.list_pages(SLUG)
    assert (kept["url"], kept["fetched"], kept["headers"]) == (
        url,
        fetched_at.isoformat(),
        '{"etag": "1"}',
    )
    assert writer.desk.recorder.refused.read(kept["sha256"]) == page.body
    assert writer.rows(f"select state from frontier where url = '{url}'") == [("rejected",)]


def test_a_reading_without_a_pass_is_an_error(writer: Writer) -> None:
    assert writer.desk.start_round(
        writer.message(WorkerOperation(name="start_round", kwargs={})), AGENCY
    )
    with pytest.raises(BrokerError, match="without a running pass"):
        writer.desk.apply_message(writer.keep(PATHS[0]), AGENCY)


def test_a_job_of_an_archive_whose_columns_are_in_another_order_has_the_same_values(
    writer: Writer, tmp_path: Path
) -> None:
    writer.begin()
    db = writer.desk.archive.db
    db.execute("alter table crawls drop column already_stored")
    db.execute("alter table crawls add column already_stored integer")
    db.execute(
        "update crawls set listed = 5, new = 1, requests = 12, bytes = 900000, already_stored = 4"
    )
    folder = tmp_path / "job"
    folder.mkdir()
    unpack_job(build_job(writer.path, SLUG, {"name": "S", "home": f"{BASE}/"}, now()), folder)
    with Archive(folder / "archive.db", rebuild_stale=False) as copy:
        counts = copy.db.execute(
            "select listed, already_stored, new, requests, bytes from crawls"
        ).fetchall()
        assert counts == [(5, 4, 1, 12, 900000)]


def test_a_job_has_what_a_crawl_reads_under_the_owners_ids(writer: Writer, tmp_path: Path) -> None:
    writer.begin()
    writer.desk.archive.add_agency("annan", name="Annan", home="http://annan.example/")
    writer.desk.apply_message(writer.keep(PATHS[0]), AGENCY)
    writer.desk.archive.db.execute("pragma foreign_keys = off")
    with writer.desk.archive.transaction():
        writer.desk.archive.db.execute("update releases set id = 41")
        for host in (f"{SLUG}.localhost:8002", "annan.example"):
            writer.desk.archive.hosts.store_robots(host, "absent", now())
    folder = tmp_path / "job"
    folder.mkdir()
    unpack_job(build_job(writer.path, SLUG, {"name": 'S "Å"', "home": f"{BASE}/"}, now()), folder)
    assert (folder / "agencies.toml").read_text("utf-8").splitlines()[1] == 'name = "S \\"Å\\""'
    with Archive(folder / "archive.db", rebuild_stale=False) as copy:
        assert copy.db.execute("select id, url, body from releases").fetchall() == [
            (41, BASE + PATHS[0], "")
        ]
        assert copy.db.execute("select count(*) from frontier").fetchone() == (3,)
        assert copy.db.execute("select slug from agencies").fetchall() == [(SLUG,)]
        assert copy.db.execute("select host from hosts").fetchall() == [(f"{SLUG}.localhost:8002",)]
