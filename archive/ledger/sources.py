"""An agency's sources and what they list, as a stocktaking reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An address that a source lists. origin: of an index, the sitemap below it; else the source.

    published: when the source says that it was published; listed: the source's own time for it, whatever that means.
    Both ISO 8601.
    """

    origin: str
    published: str | None = None
    listed: str | None = None


@dataclass(slots=True, kw_only=True)
class Source:
    """A source and what it lists, by address.

    problem: why it could not be read to its end. read: when it was read last, where that was another time.
    """

    url: str
    kind: str  # feed, sitemap, listing, archive, home, robots
    entries: dict[str, Entry] = field(default_factory=dict)
    problem: str | None = None
    read: datetime | None = None

    def broke_off(self, problem: str) -> None:
        """It lists more than could be read; the first reason stands."""
        self.problem = self.problem or problem
