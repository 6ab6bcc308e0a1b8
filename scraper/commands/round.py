"""scrapy round: everything that is to be done regularly: both spiders, health, manifest, alerts."""

from __future__ import annotations

import argparse
import logging
import sys
from datetime import datetime
from pathlib import Path
from time import monotonic

from scrapy.settings import Settings
from scrapy.utils.log import configure_logging

from archive.dates import now
from scraper.agency import load_agencies
from scraper.alerts import AlertSettings, read_alert_settings
from scraper.command import OptionsCommand, add_agency_option, find_agencies_file, load_selected_agencies
from scraper.errors import AgencyError
from scraper.round import (
    MAX_ROUND_DURATION,
    ROUND_SPIDERS,
    CommandRunner,
    close_round,
    has_recent_crawl,
    lock_round,
    read_last_crawl_id,
)

logger = logging.getLogger(__name__)


class Command(OptionsCommand):
    """Exit code 0: all went well; 1: agencies are failing or a pass broke off; 2: wrongly configured."""

    def short_desc(self) -> str:
        return "A whole round: what is new, what has changed, health, manifest, alerts"

    def long_desc(self) -> str:
        return (
            "Crawl what is new, look again at what is due, judge every agency's health, write the day's manifest and"
            " tell the operators. While one round goes on a second one says so and ends with 0. SIGTERM ends it"
            " cleanly, with 0. Exit code 1: an agency is in a fault that nobody has acknowledged, a pass broke off or"
            " an alert was not delivered; 2: wrongly configured."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_agency_option(parser)
        parser.add_argument("--every", type=float, metavar="MINUTES", help="stay, and begin a round so often")
        parser.add_argument(
            "--fresh", type=float, metavar="HOURS", help="only tell whether a crawl has ended within the last hours"
        )

    def execute(self, settings: Settings, opts: argparse.Namespace) -> int:
        configure_logging(settings)
        archive = Path(settings["ARCHIVE"])
        if opts.fresh is not None:
            return report_recent_crawl(archive, opts.fresh)
        load_selected_agencies(settings, opts)  # reports an error before anything runs
        alert_settings, options = read_alert_settings(), forward_options(opts)
        with CommandRunner() as runner:
            if opts.every is not None:
                return repeat_rounds(runner, [*options, "--agency", opts.agency], opts.every)
            return self.run_round(runner, settings, [*options, "-a", f"agency={opts.agency}"], alert_settings)

    def run_round(
        self, runner: CommandRunner, settings: Settings, options: list[str], alert_settings: AlertSettings
    ) -> int:
        """Run one round, unless another is running, and return the exit code."""
        archive = Path(settings["ARCHIVE"])
        lock = lock_round(archive)
        if isinstance(lock, datetime):
            return report_running_round(lock)
        with lock:
            previous_crawl_id, codes = read_last_crawl_id(archive), dict.fromkeys(ROUND_SPIDERS, 0)
            for name in ROUND_SPIDERS:
                minutes = f"minutes={settings['ROUND_PASS_MINUTES']}"
                codes[name] = runner.run_scrapy("crawl", name, "-a", minutes, *options)
                if codes[name] == 2:
                    return 2
            if runner.stop_requested:
                logger.warning("the round was told to stop: what is left goes on with the next one")
                return 0
            crashes = [
                f"the {name} pass broke off with code {code}" for name, code in codes.items() if code not in (0, 1)
            ]
            for problem in crashes:
                logger.error("%s", problem)
            result = close_round(
                archive, load_agencies(find_agencies_file(settings)), alert_settings, previous_crawl_id
            )
        sys.stdout.write(f"round: {result}\n")
        return 0 if result.is_ok and not crashes else 1


def report_running_round(since: datetime) -> int:
    """Log that another round is running; return 0, as that is normal for a timer, or 1 if it hangs."""
    if now() - since > MAX_ROUND_DURATION:
        logger.error("the round that began at %s hangs: end it", since.isoformat())
        return 1
    logger.warning("a round has been going on since %s: this one leaves it to that", since.isoformat())
    return 0


def repeat_rounds(runner: CommandRunner, options: list[str], minutes: float) -> int:
    """Start a round every so many minutes until a signal; return 2 as soon as one is wrongly configured."""
    if not minutes > 0:
        raise AgencyError("arguments", None, "every", "must be a positive number of minutes")
    while not runner.stop_requested:
        started = monotonic()
        if runner.run_scrapy("round", *options) == 2:
            return 2
        runner.wait(started + 60 * minutes - monotonic())
    return 0


def report_recent_crawl(archive_path: Path, hours: float) -> int:
    """Print whether a crawl has ended within the last `hours`; return 0 if so, else 1. For health checks."""
    recent = has_recent_crawl(archive_path, hours)
    sys.stdout.write(f"{archive_path}: {'a' if recent else 'no'} crawl has ended within the last {hours:g} hours\n")
    return 0 if recent else 1


def forward_options(opts: argparse.Namespace) -> list[str]:
    """Return the options for settings and log, to be passed to the commands that a command starts."""
    options = [part for pair in opts.set for part in ("-s", pair)]
    for name, value in (("--loglevel", opts.loglevel), ("--logfile", opts.logfile)):
        options += [name, value] if value else []
    return options
