"""scrapy report: runs a scheduled command, and reports how the command ended."""

from __future__ import annotations

import argparse
import logging
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic

from scrapy.utils.log import configure_logging

from scraper.crawl.alerts import ROUTINE_FINDINGS, read_alert_settings, read_ping_url, report_result
from scraper.crawl.rounds import CommandRunner
from scraper.errors import AgencyError
from scraper.project_command import ProjectCommand, option

logger = logging.getLogger(__name__)


class Command(ProjectCommand):
    """Run a scheduled command, and tell the operators if it fails.

    NAME is round, audit, notify, backup, publish or another name. A message is sent through the
    alert channels: once a day while the command fails, and once when it works again. After a
    success, the URL in the variable PING_<NAME> is requested. If a service manager runs the command
    itself, it passes the result to `scrapy report` as NAME:ok or NAME:failed. The exit code is the
    command's exit code, or 1 if the command succeeded but its result could not be delivered.
    """

    usage = "NAME [--every MINUTES] -- COMMAND …, or NAME:ok, or NAME:failed"
    takes_arguments = True

    options = (
        option(
            "--every", type=float, metavar="MINUTES", help="keep running, and run it every MINUTES"
        ),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        configure_logging(self.settings)
        match = re.fullmatch(r"([a-z][a-z-]*)(?::(ok|failed))?", args[0] if args else "")
        words = args[2:] if args[1:2] == ["--"] else args[1:]
        if not match or bool(match[2]) == bool(words) or not (opts.every is None or opts.every > 0):
            raise AgencyError("arguments", None, "NAME", f"must be given as in: {self.usage}")
        report = partial(report_end, self.archive_path, match[1])
        if match[2]:
            # systemd (from version 251) tells the unit of OnFailure= how the other one ended
            told = [
                os.environ.get(f"MONITOR_{name}", "") for name in ("SERVICE_RESULT", "EXIT_STATUS")
            ]
            is_told = report(
                None if match[2] == "ok" else " ".join(filter(None, told)) or "see its log"
            )
            return int(not is_told)
        return run_reported(words, match[1] in ROUTINE_FINDINGS, opts.every, report)


def report_end(archive: Path, name: str, problem: str | None) -> bool:
    """Report how a command ended, and return whether the report was delivered.

    problem: None if the command succeeded.

    The settings are read only after the command has ended, so that a wrong setting cannot prevent a
    back-up.
    """
    try:
        return report_result(archive, name, read_alert_settings(), read_ping_url(name), problem)
    except AgencyError as error:
        logger.warning("%s: is not reported: %s", name, error)
        return False


def run_reported(
    words: list[str], may_find: bool, every: float | None, report: Callable[[str | None], bool]
) -> int:
    """Run a command, report how it ended, and return the exit code.

    may_find: whether the command's exit code 1 means findings, not a failure.
    every: the interval, in minutes, at which the command is run again until a signal arrives. If it
        is None, the command is run once.
    """
    with CommandRunner() as runner:
        while True:
            started = monotonic()
            code = start_command(runner, words)
            if runner.stop_requested:
                return 0
            is_told = report(None if code == 0 or (may_find and code == 1) else f"exit {code}")
            if every is None:
                return (code if code >= 0 else 128 - code) or int(not is_told)
            runner.wait(started + 60 * every - monotonic())


def start_command(runner: CommandRunner, words: list[str]) -> int:
    """Run a command and return its exit code, or 127 (as a shell does) if it cannot be started."""
    try:
        return runner.run_command(words)
    except OSError as error:
        logger.warning("%s: cannot be started: %s", words[0], error)
        return 127
