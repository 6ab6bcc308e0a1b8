"""scrapy worker: crawls agencies, one round after another, for an archive on another machine."""

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

    `scrapy enqueue` queues the rounds, and `scrapy writer` stores the results. A worker stores
    nothing. If it is killed, its round is crawled by another worker. Exit code 0: the worker was
    stopped by SIGTERM, and its current round was returned to the queue; 2: the configuration is
    wrong, or the broker did not respond at the start.
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
