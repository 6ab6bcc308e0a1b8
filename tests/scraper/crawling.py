"""Runs Scrapy commands as an operator would, against the sample site."""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import Mock

import pytest
from scrapy.crawler import Crawler
from scrapy.settings import Settings

from scraper.project_command import ProjectCommand
from scraper.spiders.release_spider import ReleaseSpider
from tests.forks import ForkedModule, run_module
from tests.scraper.in_process import run_scrapy
from tests.site.server import Site

SLUG = "skogsbruksradet"
ROOT = Path(__file__).parents[2]

RELEASES = 24  # of the site in the fixtures `crawling` and `crawled_site`
NOWHERE = (
    '[borta]\nname = "Borta"\nhome = "http://borta.invalid/"\nfeeds ='
    ' ["http://borta.invalid/feed"]\n'
)

SpiderType = TypeVar("SpiderType", bound=ReleaseSpider)

FAST = {
    "DOWNLOAD_DELAY": "0",
    "AUTOTHROTTLE_ENABLED": "False",
    "RETRY_TIMES": "0",
    "CONTACT": "test@localhost",
}


@dataclass(frozen=True, slots=True)
class Crawling:
    """One sample site, one list of agencies, one archive."""

    site: Site
    agencies: Path
    archive: Path
    patience: float = 40  # seconds until a command is killed
    settings: str = "tests.site.settings"

    def command(self, *arguments: str, **settings: str) -> list[str]:
        """The command line of a crawl."""
        return self.scrapy_command("crawl", *(arguments or ("news",)), **settings)

    def scrapy_command(self, *arguments: str, **settings: str) -> list[str]:
        """The command line of any Scrapy command."""
        given = {**FAST, **self.given_settings, **settings}
        given["LOOPBACK_PORT"] = str(self.site.port)
        pairs = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        return [sys.executable, "-m", "scrapy", *arguments, *pairs]

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Start a crawl in a new process."""
        return self.open(self.command(*arguments, **settings))

    def open(self, command: list[str]) -> subprocess.Popen[str]:
        """Start a process that sees the sample site."""
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "SCRAPY_SETTINGS_MODULE": self.settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run a crawl in this process; return its exit code and what it printed."""
        return self.scrapy("crawl", *(arguments or ("news",)), **settings)

    def succeed(self, *arguments: str, **settings: str) -> str:
        """Run a crawl that must end well and print no traceback; return what it printed."""
        code, printed = self.run(*arguments, **settings)
        assert (code, "Traceback" in printed) == (0, False), printed
        return printed

    def scrapy(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run any Scrapy command in this process; return its exit code and what it printed."""
        command = self.scrapy_command(*arguments, **settings)
        return run_scrapy(command[3:], self.settings, self.patience)

    def finish(self, command: list[str]) -> tuple[int, str]:
        """Run a command line in a fork; return its exit code and what it printed.

        For what concerns the process: its locks and pools, the commands that it starts, its memory.
        """
        environment = {"SCRAPY_SETTINGS_MODULE": self.settings}
        return run_module(command[2], command[3:], environment=environment, timeout=self.patience)

    def write(self, sql: str) -> None:
        """Change the archive by an SQL statement."""
        with closing(sqlite3.connect(self.archive)) as connection, connection:
            connection.execute(sql)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a query on the archive."""
        with closing(sqlite3.connect(self.archive)) as connection:
            return connection.execute(sql, values).fetchall()

    def urls(self, slug: str = SLUG) -> list[str]:
        """The URLs of an agency's releases, sorted."""
        return [url for url in sorted(self.site.truth) if f"//{slug}." in url]

    def counts(self, column: str, spider: str = "news") -> dict[str, Any]:
        """A counter of an agency's last crawl, by agency."""
        return dict(
            self.rows(f"select agency, {column} from crawls where spider = ? order by id", spider)
        )

    def add_to_table(self, line: str, slug: str = SLUG) -> None:
        """Add a line to an agency's table in the list of agencies."""
        table = self.agencies.read_text("utf-8").replace(f"[{slug}]\n", f"[{slug}]\n{line}\n")
        self.agencies.write_text(table, "utf-8")

    def call(self, command: ProjectCommand, *arguments: str, **settings: str) -> int:
        """Run a command that needs no reactor in this process; return its exit code."""
        command.settings = build_settings(**{**self.given_settings, **settings})
        parser = argparse.ArgumentParser()
        command.add_options(parser)
        options, names = parser.parse_known_args(arguments)
        try:
            command.process_options(names, options)
        except SystemExit as ended:
            return int(ended.code or 0)
        command.run(names, options)
        return command.exitcode

    @contextmanager
    def open_spider(
        self,
        spider_class: type[SpiderType],
        arguments: Mapping[str, str] | None = None,
        **settings: str,
    ) -> Iterator[SpiderType]:
        """Set a spider up in this process as Scrapy does, but request nothing."""
        crawler = Crawler(
            spider_class, build_settings(**{**FAST, **self.given_settings, **settings})
        )
        spider = spider_class.from_crawler(crawler, **(arguments or {}))
        crawler.spider, crawler.engine = spider, Mock()
        try:
            yield spider
        finally:
            spider.engine_stopped()

    @property
    def given_settings(self) -> dict[str, str]:
        return {"ARCHIVE": str(self.archive), "AGENCIES": str(self.agencies)}


def build_settings(**given: str) -> Settings:
    """The project's settings, with some given on the command line."""
    settings = Settings()
    settings.setmodule("scraper.settings", priority="project")
    settings.setdict(given, priority="cmdline")
    return settings


def fork_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds of this process start their commands as forks in place of new processes."""

    def fork(command: list[str], **_: object) -> ForkedModule:
        return ForkedModule(command[2], command[3:])

    monkeypatch.setattr("scraper.crawl.rounds.subprocess", SimpleNamespace(Popen=fork))


def copy_archive(crawl: Crawling, folder: Path) -> Crawling:
    """Copy a crawl's archive; its site stays the same."""
    for name in ("archive.db", "captures.db"):
        with closing(sqlite3.connect(crawl.archive.with_name(name))) as source:
            source.execute("vacuum into ?", [str(folder / name)])
    return replace(crawl, archive=folder / "archive.db")


@contextmanager
def copy_crawl(crawl: Crawling, folder: Path) -> Iterator[Crawling]:
    """Copy a crawl's archive, and serve its site again at the same port; every release is due."""
    with Site(port=crawl.site.port, releases=RELEASES) as site:
        copy = replace(copy_archive(crawl, folder), site=site, agencies=site.agencies_file(folder))
        make_due(copy)
        yield copy


def make_due(crawling: Crawling) -> None:
    """Let every stored release be due for its next check."""
    crawling.write("update releases set next_check = null")
