"""scrapy worker: crawls one agency's round after another for an archive that a writer elsewhere owns."""

from __future__ import annotations

import argparse

from scrapy.settings import Settings
from scrapy.utils.log import configure_logging

from scraper.command import OptionsCommand
from scraper.commands.round import to_options
from scraper.distributed.queue import Broker, Queue
from scraper.distributed.worker import Rounds
from scraper.round import Running
from scraper.spiders.base import check_pass


class Command(OptionsCommand):
    """Exit code 0: told to stop, 2: wrongly configured, or the broker does not answer at the start."""

    def short_desc(self) -> str:
        return "Crawl rounds from the queue, one agency at a time, for an archive elsewhere"

    def long_desc(self) -> str:
        return (
            "Take rounds from the queue (scrapy enqueue) and tell what is read to the writer (scrapy writer). It keeps"
            " nothing: kill it, and its round goes to another worker. SIGTERM ends it with 0, the round handed on;"
            " exit code 2: wrongly configured."
        )

    def do(self, settings: Settings, opts: argparse.Namespace) -> int:
        configure_logging(settings)
        check_pass(settings)
        broker = Broker(settings)
        broker.check()
        with Running() as running:
            rounds = Rounds(broker, settings, running, to_options(opts))
            queue = Queue(broker, settings, rounds.go)
            queue.start()
            while not (running.stopped or rounds.wrong):
                running.wait(1)
            running.told.set()
            queue.stop()
        return 2 if rounds.wrong else 0
