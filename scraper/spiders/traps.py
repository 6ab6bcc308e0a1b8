"""Sources that lead nowhere: listings that go on for ever, and indexes of sitemaps above each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

DEEPEST = 2  # indexes of sitemaps above each other
BARREN = 5  # pages of a listing in a row that name only what those before did


@dataclass(slots=True)
class Traps:
    """The listings of one agency in one crawl."""

    barren: Counter[str] = field(default_factory=Counter)  # of each listing: pages in a row that brought nothing new

    def find(self, listing: str, page: int, most: int, *, new: bool) -> str | None:
        """Why a listing that goes on leads nowhere: for too long, or with the same again and again."""
        self.barren[listing] = 0 if new else self.barren[listing] + 1
        if page >= most:
            return f"goes on after page {page}: taken for a trap"
        again = self.barren[listing] >= BARREN
        return f"brought nothing new on {BARREN} pages in a row, and goes on: taken for a trap" if again else None
