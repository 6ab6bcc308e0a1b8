"""scrapy worker: crawls one agency's round after another for an archive that a writer elsewhere owns."""

from __future__ import annotations

import argparse
import sys

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.utils.log import configure_logging

from scraper.commands.round import to_options
from scraper.crew.broker import Broker
from scraper.crew.queue import Queue
from scraper.crew.rounds import Rounds
from scraper.errors import CrewError
from scraper.running import Running


class Command(ScrapyCommand):
    """Exit code 0: told to stop, 2: wrongly configured, or the broker does not answer at the start."""

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options]"

    def short_desc(self) -> str:
        return "Crawl rounds from the queue, one agency at a time, for an archive elsewhere"

    def long_desc(self) -> str:
        return (
            "Take rounds from the queue (scrapy enqueue) and tell what is read to the writer (scrapy writer). It keeps"
            " nothing: kill it, and its round goes to another worker. SIGTERM ends it with 0, the round handed on;"
            " exit code 2: wrongly configured."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args:
            raise UsageError("worker takes no arguments")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        configure_logging(self.settings)
        try:
            broker = Broker(self.settings)
            broker.check()
            with Running() as running:
                rounds = Rounds(broker, self.settings, running, to_options(opts))
                queue = Queue(broker, self.settings, rounds.go)
                queue.start()
                while not (running.stopped or rounds.wrong):
                    running.wait(1)
                running.told.set()
                queue.stop()
            self.exitcode = 2 if rounds.wrong else 0
        except CrewError as error:
            sys.stderr.write(f"scrapy worker: {error}\n")
            self.exitcode = 2
