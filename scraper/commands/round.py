"""scrapy round: runs the spiders, assesses health, writes the manifest, and notifies people.

Operators get alerts, and subscribers get notifications.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from datetime import datetime
from pathlib import Path
from time import monotonic

from scrapy.utils.log import configure_logging

from archive.evidence.time_stamps import read_authorities
from archive.follow.subscriptions import read_follow_settings
from archive.times import now
from scraper.crawl.alerts import AlertSettings, read_alert_settings, report_result
from scraper.crawl.round_locks import lock_round
from scraper.crawl.rounds import (
    MAX_ROUND_DURATION,
    ROUND_SPIDERS,
    CommandRunner,
    close_round,
    has_recent_crawl,
    read_last_crawl_id,
)
from scraper.errors import AgencyError
from scraper.project_command import ProjectCommand, option

logger = logging.getLogger(__name__)


class Command(ProjectCommand):
    """Crawl new and changed releases, assess agencies' health, write a manifest and send alerts.

    Exit code 0: no action is needed (also if another round is running, or if SIGTERM ended this
    round); 1: an agency has a fault that is not acknowledged, a pass was interrupted, an alert or
    an email to a subscriber was not delivered, or the previous round has been running for over 6
    hours; 2: nothing was done, because the list of agencies, the settings, the environment or the
    archive's file is wrong.
    """

    takes_agency_option = True

    options = (
        option(
            "--every",
            type=float,
            metavar="MINUTES",
            help="keep running, and start a round every MINUTES minutes",
        ),
        option(
            "--fresh",
            type=float,
            metavar="HOURS",
            help="only check whether a crawl ended in the last HOURS hours",
        ),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        configure_logging(self.settings)
        if opts.fresh is not None:
            return report_recent_crawl(self.archive_path, opts.fresh)
        self.select_agencies(opts.agency)  # fails before anything runs
        alert_settings, options = read_alert_settings(), forward_options(opts)
        read_follow_settings()  # these fail before anything runs, too
        read_authorities()
        with CommandRunner() as runner:
            if opts.every is not None:
                return repeat_rounds(runner, [*options, "--agency", opts.agency], opts.every)
            lock = lock_round(self.archive_path)
            if isinstance(lock, datetime):
                return report_running_round(lock)
            with lock:
                return self.run_round(
                    runner, [*options, "-a", f"agency={opts.agency}"], alert_settings
                )

    def run_round(
        self, runner: CommandRunner, options: list[str], alert_settings: AlertSettings
    ) -> int:
        previous_crawl_id, problems = read_last_crawl_id(self.archive_path), list[str]()
        for name in ROUND_SPIDERS:
            code = runner.run_scrapy(
                "crawl", name, "-a", f"minutes={self.settings['ROUND_PASS_MINUTES']}", *options
            )
            if code == 2:
                return 2
            if runner.stop_requested:
                break
            problem = (
                f"the {name} pass ended early, with code {code}" if code not in (0, 1) else None
            )
            report_result(self.archive_path, name, alert_settings, None, problem)
            problems += filter(None, [problem])
        if runner.stop_requested:
            logger.warning("the round was stopped; the next one continues where it ended")
            return 0
        result = close_round(
            self.archive_path, self.load_agencies(), alert_settings, previous_crawl_id
        )
        print(f"round: {result}", flush=True)
        has_notified = notify_subscribers(runner, self.archive_path)
        has_stamped = stamp_manifests(runner, self.archive_path)
        return 0 if result.is_ok and has_notified and has_stamped and not problems else 1


def notify_subscribers(runner: CommandRunner, archive_path: Path) -> bool:
    """Notify the subscribers of what the round has found. Returns False if this fails.

    Nobody is notified if the variable PUBLIC_URL is not set.
    """
    if not os.environ.get("PUBLIC_URL"):
        return True
    return runner.run_command([sys.executable, "-m", "archive", "notify", str(archive_path)]) == 0


def stamp_manifests(runner: CommandRunner, archive_path: Path) -> bool:
    """Let the configured time-stamp authorities stamp the manifests. Return False if this fails."""
    if not read_authorities():
        return True
    return runner.run_command([sys.executable, "-m", "archive", "stamp", str(archive_path)]) == 0


def report_running_round(since: datetime) -> int:
    """Log that another round is running. Return 1 if that round has hung, otherwise 0."""
    if abs(now() - since) > MAX_ROUND_DURATION:  # also if it began while the clock was ahead
        logger.error("the round that started at %s has hung; stop it", since.isoformat())
        return 1
    logger.warning(
        "another round has been running since %s; this one does nothing", since.isoformat()
    )
    return 0


def repeat_rounds(runner: CommandRunner, options: list[str], minutes: float) -> int:
    """Start a round every `minutes` minutes until a signal arrives, and return the exit code.

    If the configuration is wrong, 2 is returned at once.
    """
    if not minutes > 0:
        raise AgencyError("arguments", None, "every", "must be a positive number of minutes")
    while not runner.stop_requested:
        started = monotonic()
        if runner.run_scrapy("round", *options) == 2:
            return 2
        runner.wait(started + 60 * minutes - monotonic())
    return 0


def report_recent_crawl(archive_path: Path, hours: float) -> int:
    """Print whether a crawl ended within the last `hours` hours. Return 0 if one did, otherwise 1.

    Health checks use this exit code.
    """
    recent = has_recent_crawl(archive_path, hours)
    print(
        f"{archive_path}: {'a' if recent else 'no'} crawl has ended within the last {hours:g} hours"
    )
    return 0 if recent else 1


def forward_options(opts: argparse.Namespace) -> list[str]:
    """Return the options for settings and logging that each command of a round is also given."""
    options = [part for pair in opts.set for part in ("-s", pair)]
    for name, value in (("--loglevel", opts.loglevel), ("--logfile", opts.logfile)):
        options += [name, value] if value else []
    return options
