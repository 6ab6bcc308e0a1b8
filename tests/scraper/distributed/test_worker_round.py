"""Tests a worker's round from its lease to its end, after another worker died in the middle
of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import pytest
from scrapy.settings import BaseSettings

from archive.evidence.verification import verify
from scraper.crawl.alerts import read_alert_settings
from scraper.crawl.rounds import CommandRunner
from scraper.distributed.archive_writer import ArchiveWriter
from scraper.distributed.broker import Broker
from scraper.distributed.worker_crawl import RoundRunner
from scraper.settings import REVISIT_AGES
from tests.harness.workers.host import add_rooms
from tests.scraper.crawling import Crawling, fork_commands
from tests.site.server import Site

SLUG, HOST, NUMBER = "myndighet-0", "myndighet-0.localhost", 8
SHARED = ("DISTRIBUTED_BROKER", "DISTRIBUTED_PREFIX", "DISTRIBUTED_LEASE", "CRAWL_DELAY_MAX")


class Dying(CommandRunner):
    """A runner that dies, with the process it runs, after some pages have been requested."""

    def __init__(self, site: Site, after: int) -> None:
        super().__init__()
        self.site, self.after = site, after

    def watch(self) -> None:
        while not self.stop_event.wait(0.005):
            # between two commands, there is none
            if self.site.counts.total >= self.after and self.child:
                self.stop_event.set()
                self.child.kill()

    def handle_signal(self, signum: int, frame: FrameType | None) -> None:
        """Do nothing: it is killed without a signal that it could handle."""


@contextmanager
def beside(target: threading.Thread, over: threading.Event) -> Iterator[None]:
    """Run a thread during the block."""
    target.start()
    try:
        yield
    finally:
        over.set()
        target.join()


@pytest.mark.slow("kills processes")
def test_a_dead_workers_round_goes_on_where_it_was(
    broker: Broker, settings: BaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "tests.site.settings")
    fork_commands(monkeypatch)
    with Site(releases=0, crawl_delay=None) as site:
        monkeypatch.setenv("LOOPBACK_PORT", str(site.port))
        agencies, over = tmp_path / "agencies.toml", threading.Event()
        agencies.write_text(add_rooms(site, 1, NUMBER, 0.03), "utf-8")
        crawling = Crawling(site, agencies, tmp_path / "archive.db")
        options = crawling.scrapy_command(**{name: settings[name] for name in SHARED})[3:]
        given = {"REVISIT_AGES": REVISIT_AGES, "ROUND_PASS_MINUTES": 5, "DOWNLOAD_DELAY": 0}
        settings.update(given)

        def write() -> None:
            alerts = read_alert_settings({})
            with closing(
                ArchiveWriter(broker, settings, crawling.archive, agencies, alerts)
            ) as writer:
                writer.run(over.is_set)

        def run(commands: CommandRunner) -> float | None:
            runner = RoundRunner(Broker(settings), settings, commands, options)
            return runner.run_round(SLUG, HOST)

        with beside(threading.Thread(target=write), over):
            dying = Dying(site, 6)
            with beside(threading.Thread(target=dying.watch), dying.stop_event):
                assert run(dying) is not None, "the round is not done"
            broker.redis.delete(broker.key("lease", HOST))  # as if it had expired
            assert run(CommandRunner()) is None
    asked = [site.counts.paths[HOST, f"/nyheter/2024-nyhet-{number}"] for number in range(NUMBER)]
    assert sum(asked) - NUMBER <= 1, "what was in flight alone is asked for again"
    for sql, expected in (
        ("select count(*), count(distinct url) from releases", (NUMBER, NUMBER)),
        ("select count(*) from frontier where role = 'release' and state <> 'stored'", (0,)),
        ("select spider, reason from crawls order by id desc limit 1", ("news", "finished")),
    ):
        assert crawling.rows(sql) == [expected]
    assert broker.redis.xlen(broker.key("stream")) == 0
    assert verify(crawling.archive).findings == []
