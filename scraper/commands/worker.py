"""scrapy worker: crawls agencies' rounds, one after another, for an archive on another machine."""

from __future__ import annotations

import argparse

from scrapy.utils.log import configure_logging

from scraper.commands.round import forward_options
from scraper.crawl.rounds import CommandRunner
from scraper.distributed.broker import Broker
from scraper.distributed.job_queue import JobQueue
from scraper.distributed.worker_crawl import RoundRunner
from scraper.project_command import ProjectCommand


class Command(ProjectCommand):
    """Crawl rounds from the queue, one agency at a time, for an archive on another machine.

    Rounds come from scrapy enqueue, and the results go to scrapy writer. A worker stores nothing:
    if it is killed, another one crawls its round. Exit code 0: stopped by SIGTERM, with its round
    handed back; 2: wrong configuration, or the broker does not respond at the start.
    """

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        configure_logging(self.settings)
        broker = Broker(self.settings)
        broker.check_connection()
        with CommandRunner() as runner:
            rounds = RoundRunner(broker, self.settings, runner, forward_options(opts))
            queue = JobQueue(broker, self.settings, rounds.run_round)
            queue.start()
            while not (runner.stop_requested or rounds.misconfigured):
                runner.wait(1)
            runner.stop_event.set()
            queue.stop()
        return 2 if rounds.misconfigured else 0
