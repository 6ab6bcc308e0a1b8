"""Code that the Scrapy commands share: help, settings, errors, exit codes and --agency."""

from __future__ import annotations

import argparse
import inspect
import sqlite3
import sys
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlsplit

from scrapy.commands import ScrapyCommand
from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.crawler import CrawlerProcessBase
from scrapy.exceptions import UsageError
from scrapy.settings import Settings
from scrapy.utils.project import inside_project

from archive.database.sqlite_files import ArchiveError, describe_error, is_file_fault
from scraper.agency import DEFAULT_AGENCIES_FILE, Agency, load_agencies, select_agencies
from scraper.errors import AgencyError, BrokerError
from scraper.settings import check_settings

# Configuration errors, and files that cannot be opened, read or written. They are reported on one
# line, with exit code 2.
CONFIGURATION_ERRORS = (AgencyError, ArchiveError, BrokerError, sqlite3.OperationalError, OSError)


class ProjectCommand(ScrapyCommand):
    """Base class of this project's Scrapy commands.

    The docstring of a subclass is the command's help, and its first line is the summary. All
    settings are checked before the command does anything. The exit code is 2 if the configuration
    is wrong.
    """

    requires_project = True
    requires_crawler_process = False
    # set by Scrapy, like the crawler process if one is required, before any method is called
    settings: Settings
    crawler_process: CrawlerProcessBase
    usage = "[options]"
    takes_arguments = False
    takes_agency_option = False  # whether the command has the option --agency
    options: ClassVar[tuple[tuple[str, dict[str, Any]], ...]] = ()  # further ones, by `option`
    # whether only warnings are logged unless --loglevel is given, for commands with much output of
    # their own
    logs_only_warnings = False

    @abstractmethod
    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        """Do the command's work and return its exit code."""

    @property
    def name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    @property
    def archive_path(self) -> Path:
        return Path(self.settings["ARCHIVE"])

    @property
    def agencies_file(self) -> Path:
        return Path(self.settings.get("AGENCIES") or DEFAULT_AGENCIES_FILE)

    def syntax(self) -> str:
        return self.usage

    def short_desc(self) -> str:
        first, _, _ = (inspect.getdoc(type(self)) or "").partition("\n\n")
        return " ".join(first.split()).rstrip(".")

    def long_desc(self) -> str:
        return inspect.getdoc(type(self)) or ""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        if self.takes_agency_option:
            parser.add_argument(
                "--agency", default="", metavar="SLUG[,SLUG]", help="only these agencies"
            )
        for name, arguments in self.options:
            parser.add_argument(name, **arguments)

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        try:
            check_settings(self.settings)
        except AgencyError as error:
            self.report_error(error)
            sys.exit(2)
        if self.logs_only_warnings and not opts.loglevel:
            self.settings.set("LOG_LEVEL", "WARNING", priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args and not self.takes_arguments:
            instead = "; name agencies with --agency" if hasattr(opts, "agency") else ""
            raise UsageError(f"{self.name} takes no arguments{instead}")
        try:
            self.exitcode = self.execute(args, opts)
        except (*CONFIGURATION_ERRORS, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.DatabaseError) and not is_file_fault(error):
                raise
            self.report_error(error)
            self.exitcode = 2
        except KeyboardInterrupt:
            self.exitcode = 130  # as in shells after Ctrl-C

    def report_error(self, error: Exception | str) -> None:
        """Print an error to stderr on one line, with the name of the command."""
        if isinstance(error, sqlite3.Error):
            error = f"{self.archive_path}: {describe_error(error, self.archive_path)}"
        elif isinstance(error, OSError) and error.filename:
            error = f"{error.filename}: {error.strerror}"
        sys.stderr.write(f"scrapy {self.name}: {error}\n")

    def load_agencies(self) -> dict[str, Agency]:
        return load_agencies(self.agencies_file)

    def select_agencies(self, slugs: str | list[str]) -> dict[str, Agency]:
        """Return the agencies with the given slugs (a list or a comma-separated string).

        Without slugs, all agencies are returned. Raises AgencyError if a slug is not in the
        agencies file.
        """
        if isinstance(slugs, str):
            slugs = [slug.strip() for slug in slugs.split(",") if slug.strip()]
        return select_agencies(self.load_agencies(), slugs, self.agencies_file)


class OutsideProject(ScrapyCommand):
    """Replaces a command of this project if the project's settings are not loaded.

    The command then prints how to load the settings. pyproject.toml registers this class as an
    entry point, because Scrapy does not find the project's commands outside the clone.
    """

    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Command of Myndighetsarkivet: needs SCRAPY_SETTINGS_MODULE=scraper.settings"

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        _exit_outside_project()

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do nothing, because `process_options` ends the process before this method is called."""


class OutsideCrawl(ScrapyCrawl):
    """Scrapy's own `crawl`, which works as usual in other projects.

    Outside any project, it prints how to load our settings.
    """

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        if not inside_project():
            _exit_outside_project()
        super().process_options(args, opts)


def option(name: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    """Return a command-line option for `ProjectCommand.options`.

    arguments: keyword arguments of `ArgumentParser.add_argument`.
    """
    return name, arguments


def _exit_outside_project() -> NoReturn:
    sys.stderr.write(
        "scrapy: the settings of Myndighetsarkivet are not loaded:"
        " set the environment variable SCRAPY_SETTINGS_MODULE=scraper.settings\n"
    )
    sys.exit(2)


def get_only_argument(args: list[str], name: str) -> str:
    """Return the command's only argument.

    Raises UsageError if there is no argument or more than one.

    name: what to call the argument in the error message.
    """
    if len(args) != 1:
        raise UsageError(f"name one {name}")
    return args[0]


def parse_url_argument(text: str) -> str:
    """Return an argument as an http or https URL. "https://" is added if the scheme is missing.

    Raises UsageError if the argument is not such a URL.
    """
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"{text!r} is not an http or https address", print_help=False)
    return url
