"""The result of an audit: an agency's sources, and the releases they list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from archive.i18n import translate_code

OPEN_STATES = ("unseen", "due", "failed", "quarantined")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedUrl:
    """A URL that a source lists. The times are in ISO 8601."""

    # the source itself, or the sitemap with the URL if the source is a sitemap index
    source_url: str
    published: str | None = None  # as the source states it
    # another time that the source gives for the URL, whatever it means
    listed_at: str | None = None


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Why a source may list more releases than could be read.

    code: the last part of the key of an interface text (`failure.*`). Failed requests are described
        by the same texts.
    url: the page with the problem.
    value: the number or label that the text contains, if it contains one.
    """

    code: str
    url: str
    value: str | None = None

    def describe(self, language: str) -> str:
        """Return the problem as part of a sentence.

        >>> SourceProblem("button", "https://fyr.example/press", "Visa fler").describe("en")
        'the rest of the list is behind the button “Visa fler”'
        """
        return translate_code(language, "failure", self.code).format(value=self.value)

    def __str__(self) -> str:
        return f"{self.url}: {self.describe('en')}"


@dataclass(slots=True, kw_only=True)
class AuditedSource:
    url: str
    kind: str  # feed, sitemap, listing, archive, home, robots
    urls: dict[str, ListedUrl] = field(default_factory=dict)
    problem: SourceProblem | None = None  # None: it was read to its end
    read_at: datetime | None = None  # when it was last read, if not in this audit

    def mark_incomplete(self, problem: SourceProblem) -> None:
        """Record that the source may list more releases than could be read.

        If several problems are recorded, only the first is stored.
        """
        self.problem = self.problem or problem


@dataclass(frozen=True, slots=True)
class UrlStatus:
    """What the archive knows about a URL.

    `state` is `source` if the URL belongs to a source and not to a release, and `unseen` if no
    crawl has found the URL. Otherwise, it is the URL's state in the frontier.
    """

    state: str
    release_id: int | None = None
    published: str | None = None

    @property
    def status(self) -> Literal["stored", "rejected", "missing"]:
        if self.release_id is not None:
            return "stored"
        return "missing" if self.state in OPEN_STATES else "rejected"
