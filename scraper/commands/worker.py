"""scrapy worker: crawls one agency's round after another for an archive on another machine."""

from __future__ import annotations

import argparse

from scrapy.settings import Settings
from scrapy.utils.log import configure_logging

from scraper.command import OptionsCommand
from scraper.commands.round import forward_options
from scraper.distributed.queue import Broker, JobQueue
from scraper.distributed.worker import RoundRunner
from scraper.round import CommandRunner


class Command(OptionsCommand):
    """Exit code 0: stopped by a signal; 2: wrongly configured, or the broker does not respond at the start."""

    def short_desc(self) -> str:
        return "Crawl rounds from the queue, one agency at a time, for an archive elsewhere"

    def long_desc(self) -> str:
        return (
            "Take rounds from the queue (scrapy enqueue) and tell what is read to the writer (scrapy writer). It keeps"
            " nothing: kill it, and its round goes to another worker. SIGTERM ends it with 0, the round handed on;"
            " exit code 2: wrongly configured."
        )

    def execute(self, settings: Settings, opts: argparse.Namespace) -> int:
        configure_logging(settings)
        broker = Broker(settings)
        broker.check_connection()
        with CommandRunner() as runner:
            rounds = RoundRunner(broker, settings, runner, forward_options(opts))
            queue = JobQueue(broker, settings, rounds.run_round)
            queue.start()
            while not (runner.stop_requested or rounds.misconfigured):
                runner.wait(1)
            runner.stop_event.set()
            queue.stop()
        return 2 if rounds.misconfigured else 0
