"""The errors of this package, except request errors (scraper/downloader/limits.py).

AgencyError          agencies.toml, a setting or an argument is wrong; names the file, table and key
BrokerError          the broker of a distributed crawl cannot be used; names the broker's address
SourceError          a feed, sitemap or listing cannot be read; names the URL
└── CutFeedError     only the feed's beginning was received (scraper/sources/feeds.py)
PageError            a page cannot be read; names the URL and the field
└── NotARelease      the page is not a release: error page, consent wall, redirect stub, listing
"""

from __future__ import annotations

from pathlib import Path


class AgencyError(Exception):
    """An error in agencies.toml, a setting or an argument.

    file: a path, or a word such as "settings".
    """

    def __init__(self, file: Path | str, table: str | None, key: str | None, problem: str) -> None:
        self.file, self.table, self.key, self.problem = str(file), table, key, problem
        where = "".join([f" [{table}]" if table else "", f" {key}" if key else ""])
        super().__init__(f"{file}:{where} {problem}" if where else f"{file}: {problem}")


class BrokerError(Exception): ...


class SourceError(Exception):
    """A feed, sitemap or listing cannot be read.

    kind: the type of failure (see scraper/crawl/failures.py). It is `empty source` if the source
        was read but lists nothing.
    """

    def __init__(self, url: str, problem: str, kind: str = "unreadable source") -> None:
        self.url, self.problem, self.kind = url, problem, kind
        super().__init__(f"{url}: {problem}")


class PageError(Exception):
    """A release page or one of its fields cannot be parsed, or a required field is missing."""

    def __init__(self, url: str, field: str, problem: str) -> None:
        self.url, self.field, self.problem = url, field, problem
        super().__init__(f"{url}: {field}: {problem}")


class NotARelease(PageError):  # noqa: N818 - a finding, not a failure
    """The page is not a release.

    kind: what the page is instead: gone (404, 410), error page (status 200, but the text says that
        the page does not exist), redirected (the URL leads to a page that is not a release),
        blocked (a consent wall, login or outage page), placeholder (one page for all URLs of a
        site), listing or other.
    target: the URL that the page redirects to, or the title of a placeholder.
    """

    def __init__(
        self, url: str, problem: str, kind: str = "other", target: str | None = None
    ) -> None:
        super().__init__(url, "page", problem)
        self.kind, self.target = kind, target
