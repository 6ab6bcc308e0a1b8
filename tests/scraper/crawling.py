"""Runs Scrapy commands as an operator would, against the sample site."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.forks import run_module
from tests.site import Site

SLUG = "skogsbruksradet"
ROOT = Path(__file__).parents[2]

FAST = {"DOWNLOAD_DELAY": "0", "AUTOTHROTTLE_ENABLED": "False", "RETRY_TIMES": "0", "CONTACT": "test@localhost"}


@dataclass(frozen=True, slots=True)
class Crawling:
    """One sample site, one list of agencies, one archive."""

    site: Site
    agencies: Path
    archive: Path
    patience: float = 40  # seconds until a command is given up
    settings: str = "tests.site.settings"

    def command(self, *arguments: str, **settings: str) -> list[str]:
        """The command line of a crawl."""
        return self.scrapy_command("crawl", *(arguments or ("news",)), **settings)

    def scrapy_command(self, *arguments: str, **settings: str) -> list[str]:
        """The command line of any command of scrapy's."""
        given = {**FAST, "AGENCIES": str(self.agencies), "ARCHIVE": str(self.archive), **settings}
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
        """Run a crawl to its end; return its exit code and what it printed."""
        return self.finish(self.command(*arguments, **settings))

    def scrapy(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run any Scrapy command; return its exit code and what it printed."""
        return self.finish(self.scrapy_command(*arguments, **settings))

    def finish(self, command: list[str]) -> tuple[int, str]:
        """Run a command line of ours in a fork; `open` is the same in a new process."""
        environment = {"SCRAPY_SETTINGS_MODULE": self.settings}
        return run_module(command[2], command[3:], environment=environment, timeout=self.patience)

    def write(self, sql: str) -> None:
        """Change what the archive holds."""
        with closing(sqlite3.connect(self.archive)) as connection, connection:
            connection.execute(sql)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the archive holds."""
        with closing(sqlite3.connect(self.archive)) as connection:
            return connection.execute(sql, values).fetchall()


def make_due(crawling: Crawling) -> None:
    """Let every held release be due again."""
    crawling.write("update releases set next_check = null")


def first_url(crawling: Crawling, slug: str = SLUG) -> str:
    """A release of an agency."""
    return next(url for url in sorted(crawling.site.truth) if f"//{slug}." in url)


def revisit(crawling: Crawling, **settings: str) -> str:
    """A revisit that goes well; what it printed."""
    code, printed = crawling.run("revisit", **settings)
    assert code == 0, printed
    return printed
