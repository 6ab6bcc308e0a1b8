"""Tests the writer: only one at a time, messages that arrive twice, and messages that it cannot
read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from scrapy.settings import BaseSettings

from archive.database.sqlite_files import ArchiveError
from archive.times import now
from scraper.crawl.alerts import read_alert_settings
from scraper.crawl.round_locks import lock_agencies
from scraper.distributed import archive_writer as writing
from scraper.distributed.archive_writer import ArchiveWriter
from scraper.distributed.broker import SEND_MESSAGE_SCRIPT, Broker
from scraper.distributed.leases import Lease
from scraper.distributed.worker_crawl import MessageSender, SendError
from scraper.distributed.worker_messages import WorkerOperation
from scraper.errors import BrokerError
from scraper.settings import REVISIT_AGES

LIST = """
[skog]
name = "Skog"
home = "http://skog.example/"
[vila]
name = "Vila"
home = "http://vila.example/"
paused = "till i höst"
"""


@pytest.fixture
def path(settings: BaseSettings, tmp_path: Path) -> Path:
    settings.set("REVISIT_AGES", REVISIT_AGES)
    (tmp_path / "agencies.toml").write_text(LIST, "utf-8")
    return tmp_path / "archive.db"


@contextmanager
def at_work(broker: Broker, settings: BaseSettings, path: Path) -> Iterator[ArchiveWriter]:
    """Run a writer on the archive during the block."""
    with closing(
        ArchiveWriter(
            broker, settings, path, path.with_name("agencies.toml"), read_alert_settings({})
        )
    ) as writer:
        yield writer


def apply_all(writer: ArchiveWriter) -> None:
    """Let a writer run until no message is left."""
    writer.run(lambda: writer.broker.redis.xlen(writer.stream) == 0)


def begin(broker: Broker, settings: BaseSettings, slug: str = "skog") -> MessageSender:
    """Request a round as a worker does."""
    lease = Lease.acquire(broker, settings, f"{slug}.example")
    assert lease
    post = MessageSender(broker, lease, slug)
    post.send(WorkerOperation(name="start_round", kwargs={}))
    return post


def test_an_agency_that_is_out_is_nobody_elses(
    broker: Broker, settings: BaseSettings, path: Path
) -> None:
    post = begin(broker, settings)
    with at_work(broker, settings, path) as writer:
        apply_all(writer)
        assert broker.redis.llen(broker.key("job", post.lease.token)) == 1
        assert writer.locked_agencies == {"skog"}
        with pytest.raises(ArchiveError, match="another writer is running"):
            ArchiveWriter(
                broker, settings, path, path.with_name("agencies.toml"), read_alert_settings({})
            )
    with at_work(broker, settings, path) as writer:
        assert writer.locked_agencies == {"skog"}, "a new writer knows what is out"
        post.send(WorkerOperation(name="finish_round", kwargs={}))
        apply_all(writer)
        assert writer.locked_agencies == set()
    with lock_agencies(path, ["skog"])[0]:
        pass


@pytest.mark.parametrize("slug", ["vila", "okand"])
def test_a_round_of_an_agency_that_is_paused_or_unlisted_is_none(
    broker: Broker, settings: BaseSettings, path: Path, slug: str
) -> None:
    post = begin(broker, settings, slug)
    with at_work(broker, settings, path) as writer:
        apply_all(writer)
    assert broker.redis.lpop(broker.key("job", post.lease.token)) == b""
    post.send(WorkerOperation(name="open_crawl", kwargs={"spider": "news", "at": now()}))
    with at_work(broker, settings, path) as writer:
        apply_all(writer)
        assert writer.processor.archive.db.execute("select count(*) from crawls").fetchone() == (0,)


def test_what_cannot_be_read_is_laid_by_and_its_round_begun_anew(
    broker: Broker, settings: BaseSettings, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_DELIVERIES", 2)
    post = begin(broker, settings)
    post.send(WorkerOperation(name="open_crawl", kwargs={"spider": "news", "at": now()}))
    broker.run_script(
        SEND_MESSAGE_SCRIPT,
        post.keys,
        post.lease.token,
        "skog",
        3,
        broker.max_backlog,
        b"no message",
        b"",
    )
    for _ in range(2):
        with (
            at_work(broker, settings, path) as writer,
            pytest.raises(BrokerError, match="cannot be unpacked"),
        ):
            apply_all(writer)
    with at_work(broker, settings, path) as writer:
        apply_all(writer)
        assert writer.processor.archive.db.execute("select spider from crawls").fetchall() == [
            ("news",)
        ]
    assert broker.redis.xlen(broker.key("unreadable")) == 1
    post.seq = 3
    with pytest.raises(SendError):
        post.send(WorkerOperation(name="finish_round", kwargs={}))
    assert Lease.acquire(broker, settings, "skog.example") is None, (
        "the host's delay is kept before another begins"
    )
    assert int(broker.redis.get(broker.key("backlog")) or 0) == 0
