"""What commands of ours share that take options alone: their checks, the agencies they are told, exit code 2."""

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
    """A command that crawls by other processes, or not at all. It ends with 2 where something is wrongly configured."""

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options]"

    @abstractmethod
    def execute(self, settings: Settings, opts: argparse.Namespace) -> int:
        """Do it; gives the exit code."""

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
        """As it is called: Scrapy calls a command as its module."""
        return type(self).__module__.rpartition(".")[2]

    def report_error(self, error: Exception) -> None:
        """What is wrong, in a sentence."""
        sys.stderr.write(f"scrapy {self.name}: {error}\n")


def add_agency_option(parser: argparse.ArgumentParser) -> None:
    """Whom a command is for."""
    parser.add_argument("--agency", default="", help="slugs, with commas; all where it is left out")


def find_agencies_file(settings: Settings) -> Path:
    """The file of the list of agencies."""
    return Path(settings.get("AGENCIES") or DEFAULT_AGENCIES_FILE)


def load_selected_agencies(settings: Settings, opts: argparse.Namespace) -> dict[str, Agency]:
    """The agencies that --agency names, else all of the list; AgencyError where one is not in it."""
    file = find_agencies_file(settings)
    slugs = [slug.strip() for slug in opts.agency.split(",") if slug.strip()]
    return select_agencies(load_agencies(file), slugs, file)
