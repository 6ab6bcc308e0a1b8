"""Tests that each message has its effect exactly once, whoever dies when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from scrapy.utils._compression import zstd  # type: ignore[attr-defined]

from archive.changes.new_releases import read_feed_page
from archive.database.sqlite_files import build_connection_runner, run_without_waiting
from archive.evidence.verification import verify
from archive.store.releases import Archive
from archive.times import now
from scraper.agency import Agency, JSONSource, SurveyMark, load_agencies
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
from tests.scraper.distributed.builders import open_crawl, operation
from tests.site.agency import SampleAgency

SLUG = "skogsbruksradet"
HOST = f"{SLUG}.localhost:8002"
BASE = f"http://{HOST}"
AGENCY = Agency(slug=SLUG, name="Skogsbruksrådet", home=f"{BASE}/")
SITE = SampleAgency(SLUG, 6, None)
PATHS = [path for path, release in SITE.releases.items() if release.language == "sv"][:3]
URLS = [BASE + path for path in PATHS]
NAMES = ("listed", "already_stored", "rejected", "errors", "requests", "not_modified", "bytes")
CLOSING: dict[str, Any] = {
    "counts": dict.fromkeys((*NAMES, "unchanged", "missing"), 3),
    "reason": "finished",
    "is_finished": True,
    "politeness": {"delay": 1.5, "robots": "allowed"},
    "source_failures": {},
    "failures": {},
    "problems": ["a", "b"],
}
COUNTED = "select count(*) from releases"


@dataclass
class Writer:
    """A message processor that can be abandoned in the middle and started again."""

    path: Path
    token: int = 7
    seq: int = 0

    def __post_init__(self) -> None:
        self.processor = MessageProcessor(self.path, parse_schedule("else=1d"))

    def die(self) -> None:
        """Abandon everything but the files."""
        self.processor.close()
        self.__post_init__()

    def message(self, *operations: WorkerOperation) -> WorkerMessage:
        """Return the worker's next message."""
        self.seq += 1
        return WorkerMessage(agency=SLUG, token=self.token, seq=self.seq, operations=operations)

    def apply(self, message: WorkerMessage) -> bool:
        return self.processor.apply_message(message, AGENCY)

    def start(self) -> bool:
        return self.processor.start_round(self.message(operation("start_round")), AGENCY)

    def begin(self) -> None:
        """Begin a round and a pass, and list the links of a source."""
        assert self.start()
        known = {"agency": SLUG, "role": "release", "seen_at": now()}
        added = [operation("frontier.add", url, **known) for url in URLS]
        for operations in ([open_crawl()], added):
            assert self.apply(self.message(*operations))

    def save_page(self, place: int, **otherwise: Any) -> WorkerMessage:
        """Return a message that one of the pages was parsed, with other fields than it has."""
        url, body = URLS[place], SITE.answer(PATHS[place], "", BASE).make()
        answer = FetchedPage(url=url, fetched_at=now(), status=200, headers={}, body=body)
        item = replace(read_page(body, url, AGENCY), **otherwise)
        page = ParsedPage(item=item, url=url, release_id=None, response=answer)
        return self.message(operation("save_page", page))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.processor.archive.db.execute(sql).fetchall()

    def read_state(self, place: int) -> str:
        """Return the state of one of the pages in the frontier."""
        ((state,),) = self.rows(f"select state from frontier where url = '{URLS[place]}'")
        return str(state)

    def dump(self) -> str:
        """Return everything that the archive contains."""
        return "\n".join(self.processor.archive.db.conn.iterdump())

    def take_job(self, folder: Path, **table: Any) -> Archive:
        """Return a worker's copy of the archive."""
        folder.mkdir()
        job = build_job(self.path, SLUG, {"name": "S", "home": f"{BASE}/"} | table, now())
        unpack_job(job, folder)
        return Archive(folder / "archive.db", rebuild_stale=False)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "archive.db")
    yield writer
    writer.processor.close()


def close_crawl() -> WorkerOperation:
    return operation("close_crawl", **CLOSING, at=now())


def test_a_round_is_kept_as_an_embedded_crawl_keeps_it(writer: Writer) -> None:
    writer.begin()
    for place in range(3):
        assert writer.apply(writer.save_page(place))
        writer.die()  # after each message: counts are not lost
    assert writer.apply(writer.message(close_crawl()))
    columns = "new, parsed, listed, requests, delay, reason, problems"
    expected = (3, 3, 3, 3, 1.5, "finished", '["a", "b"]')
    assert writer.rows(f"select {columns} from crawls") == [expected]
    assert writer.rows("select distinct state from frontier") == [("stored",)]
    assert writer.apply(writer.message(operation("finish_round")))
    assert writer.processor.jobs.list_unfinished() == []
    assert verify(writer.path).findings == []


@pytest.mark.parametrize("ahead", [timedelta(hours=-5), timedelta(hours=5)])
def test_a_writer_with_another_clock_leaves_nothing_new_out(
    writer: Writer, ahead: timedelta
) -> None:
    """Test that an undated release is new if its crawl found it, by the times of the worker's
    clock.
    """
    assert writer.start()
    for place in range(2):
        moment = datetime(2026, 3, 2, 8 + place, tzinfo=UTC)
        with time_machine.travel(moment):
            undated = {"published": None, "updated": None}
            opened, page = writer.message(open_crawl()), writer.save_page(place, **undated)
            messages = [opened, page, writer.message(close_crawl())]
        with time_machine.travel(moment + ahead):
            assert all(map(writer.apply, messages))
    connection = writer.processor.archive.db.conn
    feed = run_without_waiting(read_feed_page(build_connection_runner(connection)))
    assert [row["url"] for row in feed.rows] == [URLS[1]]


def test_a_round_ends_the_pause_of_its_agency(writer: Writer) -> None:
    assert writer.start()
    writer.processor.archive.hosts.set_agency_pauses({SLUG: "till i höst"})
    writer.token += 1
    assert writer.start()
    assert writer.rows("select paused from agencies") == [(None,)]


def test_what_comes_twice_changes_nothing(writer: Writer) -> None:
    writer.begin()
    messages = [writer.save_page(0)]
    messages += [writer.message(each) for each in (close_crawl(), operation("finish_round"))]
    for number, message in enumerate(messages, 1):
        assert writer.apply(message)
        before = writer.dump()
        writer.die()
        assert all(map(writer.apply, messages[:number]))
        assert writer.dump() == before


def test_a_message_is_applied_with_its_number_or_not_at_all(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    writer.begin()
    message, before = writer.save_page(0), writer.dump()
    with monkeypatch.context() as patch:
        patch.setattr(writer.processor.jobs, "mark_applied", fail)
        with pytest.raises(sqlite3.OperationalError):
            writer.apply(message)
    assert writer.dump() == before
    writer.die()
    assert writer.apply(message)
    assert writer.rows(COUNTED) == [(1,)]


def test_older_tokens_and_gaps_are_not_taken(writer: Writer) -> None:
    writer.begin()
    late, missing = writer.save_page(0), writer.save_page(1)
    before = writer.dump()
    assert not writer.apply(missing), "the one before it is not here"
    assert writer.dump() == before
    writer.token, writer.seq = 8, 0
    writer.begin()
    assert not writer.apply(late)
    assert writer.rows(COUNTED) == [(0,)]
    writer.token, writer.seq = 7, 0
    assert not writer.start()


def test_a_page_that_writers_die_of_is_done_with(writer: Writer) -> None:
    writer.begin()
    assert writer.processor.reject_pages(writer.save_page(0), AGENCY)
    assert writer.read_state(0) == "rejected"
    (refused,) = writer.processor.recorder.refused.list_pages(SLUG)
    assert refused["url"] == URLS[0]
    assert writer.apply(writer.save_page(1)), "others go on"
    found = writer.message(operation("frontier.mark_done", BASE, seen=now()))
    assert not writer.processor.reject_pages(found, AGENCY), "a source is not passed over"


def test_a_refused_page_reaches_the_writer_with_its_bytes_and_is_kept_once(writer: Writer) -> None:
    writer.begin()
    fetched_at = now().replace(microsecond=0)
    page = FetchedPage(
        url=URLS[0], fetched_at=fetched_at, status=200, headers={"etag": "1"}, body=b"<p>Paus</p>"
    )
    failure = (URLS[0], None, fetched_at, f"{URLS[0]}: is no release")
    failed = operation("recorder.record_failure", *failure, rejected=True, refused=page)
    text, body = pack_operations((failed,))
    parts = {"agency": SLUG, "token": writer.token, "seq": writer.seq + 1}
    fields = {name.encode(): str(value).encode() for name, value in parts.items()}
    message = unpack_message({**fields, b"operations": text, b"body": body})
    for _ in range(2):
        assert writer.apply(message)
        writer.die()
    refused = writer.processor.recorder.refused
    (kept,) = refused.list_pages(SLUG)
    expected = (URLS[0], fetched_at.isoformat(), '{"etag": "1"}')
    assert (kept["url"], kept["fetched"], kept["headers"]) == expected
    assert refused.read(kept["sha256"]) == page.body
    assert writer.read_state(0) == "rejected"


def test_a_reading_without_a_pass_is_an_error(writer: Writer) -> None:
    assert writer.start()
    with pytest.raises(BrokerError, match="without a running pass"):
        writer.apply(writer.save_page(0))


def test_a_job_of_an_archive_whose_columns_are_in_another_order_has_the_same_values(
    writer: Writer, tmp_path: Path
) -> None:
    writer.begin()
    for sql in (
        "alter table crawls drop column already_stored",
        "alter table crawls add column already_stored integer",
        "update crawls set listed = 5, new = 1, requests = 12, bytes = 900000, already_stored = 4",
    ):
        writer.processor.archive.db.execute(sql)
    with writer.take_job(tmp_path / "job") as copy:
        sql = "select listed, already_stored, new, requests, bytes from crawls"
        assert copy.db.execute(sql).fetchall() == [(5, 4, 1, 12, 900000)]


def test_a_job_knows_that_the_agency_was_crawled_long_ago(writer: Writer, tmp_path: Path) -> None:
    writer.begin()
    writer.processor.archive.db.execute("update crawls set started = '2020-01-01'")
    with writer.take_job(tmp_path / "running") as copy:
        assert copy.db.execute("select count(*) from crawls").fetchone() == (0,)
    writer.processor.archive.db.execute("update crawls set finished = '2020-01-02'")
    with writer.take_job(tmp_path / "finished") as copy:
        assert copy.db.execute("select finished from crawls").fetchall() == [("2020-01-02",)]


def test_a_job_has_what_a_crawl_reads_under_the_owners_ids(writer: Writer, tmp_path: Path) -> None:
    writer.begin()
    archive = writer.processor.archive
    archive.add_agency("annan", name="Annan", home="http://annan.example/")
    writer.apply(writer.save_page(0))
    archive.db.execute("pragma foreign_keys = off")
    with archive.transaction():
        archive.db.execute("update releases set id = 41")
        for host in (HOST, "annan.example"):
            archive.hosts.store_robots(host, "absent", now())
    table: dict[str, Any] = {
        "name": 'S "Å"',
        "json": {"url": f"{BASE}/n", "items": "a", "link": "b"},
        "survey": {"tried": date(2026, 12, 1), "verdict": "works", "read": 5},
    }
    with writer.take_job(tmp_path / "job", **table) as copy:
        for sql, expected in (
            ("select id, url, body from releases", (41, URLS[0], "")),
            ("select count(*) from frontier", (3,)),
            ("select slug from agencies", (SLUG,)),
            ("select host from hosts", (HOST,)),
        ):
            assert copy.db.execute(sql).fetchall() == [expected]
    agency = load_agencies(tmp_path / "job/agencies.toml")[SLUG]
    assert agency.name == table["name"]
    assert agency.json == (JSONSource(**table["json"]),)
    assert agency.survey == SurveyMark(**table["survey"])


def test_a_job_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    job = zstd.compress((0).to_bytes(4, "big") + bytes(range(256)) * 4_000)
    with pytest.raises(BrokerError, match="cut off"):
        unpack_job(job[:-20], tmp_path)
