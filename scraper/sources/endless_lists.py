"""Detects listings that never end.

These have too many pages, or several pages in a row without a new link.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from scraper.sources.links import SourceLink

MAX_REPEATED_PAGES = 5  # consecutive pages of a listing without a new link


@dataclass(slots=True)
class TrapDetector:
    """Detects the endless listings of one agency during one crawl."""

    # listing → URLs that it has listed
    seen_urls: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # listing → consecutive pages without a new link
    repeated_pages: Counter[str] = field(default_factory=Counter)

    def find_trap(
        self, listing: str, page: int, links: Sequence[SourceLink], max_pages: int
    ) -> str | None:
        """Record a page of a listing, and return why the listing is a crawler trap.

        Returns None if the listing is not a trap. A trap has at least `max_pages` pages, or several
        pages in a row without a new link.
        """
        urls, seen_urls = {link.url for link in links}, self.seen_urls[listing]
        self.repeated_pages[listing] = 0 if urls - seen_urls else self.repeated_pages[listing] + 1
        seen_urls |= urls
        if page >= max_pages:
            return f"continues after page {page}: treated as a trap"
        if self.repeated_pages[listing] >= MAX_REPEATED_PAGES:
            return (
                f"listed nothing new on {MAX_REPEATED_PAGES} pages in a row, and continues:"
                f" treated as a trap"
            )
        return None
