"""One agency's audit: its sources and what they list, while they are read; taken stock of when all are through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from archive.ledger.sources import Entry, Source
from scraper.errors import AgencyError
from scraper.sessions import Link
from scraper.spiders.traps import Traps

Kind = Literal["home", "robots", "feed", "sitemap", "listing", "archive"]


@dataclass(slots=True)
class Audit:
    """What is known so far. put_off: what is left of it is another day's."""

    agency: str
    sources: dict[str, Source] = field(default_factory=dict)  # by address
    open: set[tuple[str, str]] = field(default_factory=set)  # source and address of the requests on their way
    asked: set[tuple[str, str]] = field(default_factory=set)  # and of all ever sent: a loop ends here
    traps: Traps = field(default_factory=Traps)
    put_off: bool = False
    settled: bool = False

    def begin(self, url: str, kind: Kind) -> bool:
        """A source is to be read; False where it is one already."""
        if url in self.sources:
            return False
        self.sources[url] = Source(url=url, kind=kind)
        return True

    def add(self, source: str, origin: str, links: Sequence[Link]) -> int:
        """A source lists these; how many of them it had not listed before."""
        entries = self.sources[source].entries
        before = len(entries)
        for link in links:
            entries.setdefault(link.url, Entry(origin=origin, published=link.published, listed=link.listed))
        return len(entries) - before

    def leave(self, source: str, url: str, why: str) -> None:
        """A source is not read to its end this time."""
        self.put_off = True
        self.sources[source].broke_off(f"{url}: left for another time: {why}")

    @property
    def answered(self) -> bool:
        """Whether any source named something, or could be read to its end."""
        sources = [source for source in self.sources.values() if source.kind not in ("home", "robots")]
        return any(source.entries or source.problem is None for source in sources)


def parse_flag(name: str, text: str) -> bool:
    """An argument that is yes or no; no where it is left out.

    >>> parse_flag("refill", "yes"), parse_flag("refill", "")
    (True, False)
    """
    if text not in ("", "no", "yes"):
        raise AgencyError("arguments", None, name, f"{text!r} is neither yes nor no")
    return text == "yes"
