"""The tree of errors. Requests that are not sent have one of their own: scraper/downloader/errors.py.

ScraperError
├── AgencyError      agencies.toml: names file, table and key
├── CrewError        the broker of a crew of workers: names its address
├── SourceError      a feed, sitemap or listing that cannot be read: names the URL
└── PageError        a page that cannot be read: names the URL and the field
    └── NotARelease  a page that is no release: error page, consent wall, redirect stub, listing
"""

from __future__ import annotations

from pathlib import Path


class ScraperError(Exception):
    """Any failure this package knows how to explain."""


class AgencyError(ScraperError):
    """A fault in a list of agencies."""

    def __init__(self, file: Path | str, table: str | None, key: str | None, problem: str) -> None:
        self.file, self.table, self.key, self.problem = str(file), table, key, problem
        where = "".join([f" [{table}]" if table else "", f" {key}" if key else ""])
        super().__init__(f"{file}:{where} {problem}" if where else f"{file}: {problem}")


class BrokerError(ScraperError):
    """A crew's broker that cannot be used."""


class SourceError(ScraperError):
    """A feed, sitemap or listing that cannot be read."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: {problem}")


class PageError(ScraperError):
    """A release page with a field that is present but cannot be read. Never guessed, always counted."""

    def __init__(self, url: str, field: str, problem: str) -> None:
        self.url, self.field, self.problem = url, field, problem
        super().__init__(f"{url}: {field}: {problem}")


class NotARelease(PageError):  # noqa: N818 - the name says what was found, not that something broke
    """A page that is no release.

    kind, what it is instead: gone (404, 410), error page (a 200 that says the page does not exist), redirected
    (led to a page of another sort), blocked (a wall or a server's fault between us and the page), listing, other.
    target, the address it leads to, where it is redirected and says where.
    """

    def __init__(self, url: str, problem: str, kind: str = "other", target: str | None = None) -> None:
        super().__init__(url, "page", problem)
        self.kind, self.target = kind, target
