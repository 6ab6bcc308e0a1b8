"""Shared code of the Scrapy commands: checked settings, error reporting, the --agency option, the agencies file."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from abc import abstractmethod
from pathlib import Path
from typing import NoReturn

from scrapy.commands import ScrapyCommand
from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError
from scrapy.settings import Settings
from scrapy.utils.project import inside_project

from archive.database import ArchiveError
from scraper.agency import DEFAULT_AGENCIES_FILE, Agency, load_agencies, select_agencies
from scraper.errors import AgencyError, BrokerError
from scraper.settings import check_settings

# What is wrongly configured, or cannot be opened, read or written: reported in one line, and exit code 2.
CONFIGURATION_ERRORS = (AgencyError, ArchiveError, BrokerError, sqlite3.OperationalError, OSError)


class ProjectCommand(ScrapyCommand):
    """A command of this project: it checks all settings before it does anything else.

    Its exit code is 2 if something is wrongly configured.
    """

    requires_project = True

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before
        try:
            check_settings(self.settings)
        except AgencyError as error:
            self.report_error(error)
            sys.exit(2)

    @property
    def name(self) -> str:
        """Name of the command. Scrapy names a command after its module."""
        return type(self).__module__.rpartition(".")[2]

    def report_error(self, error: Exception | str) -> None:
        """Print an error in one line to stderr, with the name of the command."""
        if isinstance(error, sqlite3.Error) and self.settings:
            error = f"{self.settings['ARCHIVE']}: {error}"
        elif isinstance(error, OSError) and error.filename:
            error = f"{error.filename}: {error.strerror}"
        sys.stderr.write(f"scrapy {self.name}: {error}\n")


class OptionsCommand(ProjectCommand):
    """A command that takes only options and does not crawl in its own process.

    Its exit code is 2 if something is wrongly configured.
    """

    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options]"

    @abstractmethod
    def execute(self, settings: Settings, opts: argparse.Namespace) -> int:
        """Do the command's work and return its exit code."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args:
            instead = "; name agencies with --agency" if hasattr(opts, "agency") else ""
            raise UsageError(f"{self.name} takes no arguments{instead}")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        try:
            self.exitcode = self.execute(self.settings, opts)
        except CONFIGURATION_ERRORS as error:
            self.report_error(error)
            self.exitcode = 2


class OutsideProject(ScrapyCommand):
    """Stands in for a command of this project where its settings are not loaded, and says how to load them.

    Installed as entry points (pyproject.toml): without them Scrapy does not know the commands outside the clone.
    """

    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Of Myndighetsarkivet: needs SCRAPY_SETTINGS_MODULE=scraper.settings"

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        exit_outside_project()

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        exit_outside_project()


class OutsideCrawl(ScrapyCrawl):
    """Scrapy's own command for the crawls of other projects; outside of any it says how to load ours."""

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        if not inside_project():
            exit_outside_project()
        super().process_options(args, opts)


def exit_outside_project() -> NoReturn:
    """End the process with exit code 2, and say what to set."""
    sys.stderr.write(
        "scrapy: the settings of Myndighetsarkivet are not loaded:"
        " set the environment variable SCRAPY_SETTINGS_MODULE=scraper.settings\n"
    )
    sys.exit(2)


def add_agency_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--agency", default="", help="slugs, with commas; all where it is left out")


def find_agencies_file(settings: Settings) -> Path:
    """Return the agencies file of the settings, by default our own agencies.toml."""
    return Path(settings.get("AGENCIES") or DEFAULT_AGENCIES_FILE)


def load_selected_agencies(settings: Settings, opts: argparse.Namespace) -> dict[str, Agency]:
    """Return the agencies that --agency names, by default all. Raises AgencyError if one is not in the list."""
    file = find_agencies_file(settings)
    slugs = [slug.strip() for slug in opts.agency.split(",") if slug.strip()]
    return select_agencies(load_agencies(file), slugs, file)
