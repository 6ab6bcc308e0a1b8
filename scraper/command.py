"""Shared code of the Scrapy commands: error reporting, the --agency option and the agencies file."""

from __future__ import annotations

import argparse
import sys
from abc import abstractmethod
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from archive.database import ArchiveError
from scraper.agency import DEFAULT_AGENCIES_FILE, Agency, load_agencies, select_agencies
from scraper.errors import AgencyError, BrokerError


class OptionsCommand(ScrapyCommand):
    """A command that takes only options and does not crawl in its own process.

    Its exit code is 2 if something is wrongly configured.
    """

    requires_project = True
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
        except (AgencyError, ArchiveError, BrokerError) as error:
            self.report_error(error)
            self.exitcode = 2

    @property
    def name(self) -> str:
        """Name of the command. Scrapy names a command after its module."""
        return type(self).__module__.rpartition(".")[2]

    def report_error(self, error: Exception) -> None:
        """Print an error to stderr, with the name of the command."""
        sys.stderr.write(f"scrapy {self.name}: {error}\n")


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
