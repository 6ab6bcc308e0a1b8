"""Tests the writer: only one at a time, messages that arrive twice, and messages that it cannot
read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import BaseSettings

from archive.database.sqlite_files import ArchiveError
from scraper.crawl.alerts import read_alert_settings
from scraper.crawl.round_locks import lock_agencies
from scraper.distributed import archive_writer
from scraper.distributed.archive_writer import ArchiveWriter
from scraper.distributed.broker import SEND_MESSAGE_SCRIPT, Broker
from scraper.distributed.leases import Lease
from scraper.distributed.worker_crawl import SendError
from scraper.errors import BrokerError
from scraper.settings import REVISIT_AGES
from tests.scraper.distributed.builders import open_crawl, operation, start_round

LIST = """
[skog]
name = "Skog"
home = "http://skog.example/"
[vila]
name = "Vila"
home = "http://vila.example/"
paused = "till i höst"
"""
OpenWriter = Callable[[], AbstractContextManager[ArchiveWriter]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archive.db"


@pytest.fixture
def open_writer(broker: Broker, settings: BaseSettings, path: Path) -> OpenWriter:
    """Return a function that runs a writer until no message is left, and keeps it for a block."""
    settings.set("REVISIT_AGES", REVISIT_AGES)
    agencies = path.with_name("agencies.toml")
    agencies.write_text(LIST, "utf-8")

    @contextmanager
    def open_and_run() -> Iterator[ArchiveWriter]:
        alerts = read_alert_settings({})
        with closing(ArchiveWriter(broker, settings, path, agencies, alerts)) as writer:
            apply_all(writer)
            yield writer

    return open_and_run


def apply_all(writer: ArchiveWriter) -> None:
    writer.run(lambda: writer.broker.redis.xlen(writer.stream) == 0)


def read_spiders(writer: ArchiveWriter) -> list[tuple[Any, ...]]:
    return writer.processor.archive.db.execute("select spider from crawls").fetchall()


def test_an_agency_that_is_out_is_nobody_elses(
    broker: Broker, settings: BaseSettings, path: Path, open_writer: OpenWriter
) -> None:
    sender = start_round(broker, settings)
    with open_writer() as writer:
        assert broker.redis.llen(broker.key("job", sender.lease.token)) == 1
        assert writer.locked_agencies == {"skog"}
        with pytest.raises(ArchiveError, match="another writer is running"), open_writer():
            pass
    with open_writer() as writer:
        assert writer.locked_agencies == {"skog"}, "a new writer knows what is out"
        sender.send(operation("finish_round"))
        apply_all(writer)
        assert writer.locked_agencies == set()
    with lock_agencies(path, ["skog"])[0]:
        pass


@pytest.mark.parametrize("slug", ["vila", "okand"])
def test_a_round_of_an_agency_that_is_paused_or_unlisted_is_none(
    broker: Broker, settings: BaseSettings, open_writer: OpenWriter, slug: str
) -> None:
    sender = start_round(broker, settings, slug)
    with open_writer() as writer:
        assert broker.redis.lpop(broker.key("job", sender.lease.token)) == b""
        sender.send(open_crawl())
        apply_all(writer)
        assert read_spiders(writer) == []


def test_what_cannot_be_read_is_laid_by_and_its_round_begun_anew(
    broker: Broker,
    settings: BaseSettings,
    open_writer: OpenWriter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive_writer, "MAX_DELIVERIES", 2)
    sender = start_round(broker, settings)
    sender.send(open_crawl())
    message = ("skog", 3, broker.max_backlog, b"no message", b"")
    broker.run_script(SEND_MESSAGE_SCRIPT, sender.keys, sender.lease.token, *message)
    for _ in range(2):
        with pytest.raises(BrokerError, match="cannot be unpacked"), open_writer():
            pass
    with open_writer() as writer:
        assert read_spiders(writer) == [("news",)]
    assert broker.redis.xlen(broker.key("unreadable")) == 1
    sender.seq = 3
    with pytest.raises(SendError):
        sender.send(operation("finish_round"))
    assert Lease.acquire(broker, settings, "skog.example") is None, (
        "the host's delay is kept before another begins"
    )
    assert int(broker.redis.get(broker.key("backlog")) or 0) == 0
