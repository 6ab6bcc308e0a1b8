"""Tally: one agency's counts in one crawl."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from archive.health.fills import find_told
from archive.records import Release
from archive.store import Outcome

COUNTS = (
    *("listed", "new", "revised", "reread", "unchanged", "away", "refused", "errors"),
    *("requests", "not_modified", "bytes", "read", "held_back"),
)


@dataclass(slots=True)
class Tally:
    """One agency's counts in one crawl, and what went wrong, in sentences that name URL and field."""

    listed: int = 0  # distinct releases that sources named
    new: int = 0
    revised: int = 0
    reread: int = 0  # states that only our own reading changed
    away: int = 0  # held releases in whose place something else stood
    unchanged: int = 0  # releases that stood as held, whether asked again or only listed
    refused: int = 0  # pages that answered but gave no release
    errors: int = 0  # what did not answer, and sources that could not be read
    requests: int = 0
    not_modified: int = 0  # of these, how many were answered by 304
    bytes: int = 0
    read: int = 0  # release pages read to the end
    held_back: int = 0  # of these, how many were kept aside rather than saved
    fills: Counter[str] = field(default_factory=Counter)  # field → how many of those read told it
    faults: Counter[str] = field(default_factory=Counter)  # kind (archive.health.faults) → number
    source_faults: Counter[str] = field(default_factory=Counter)  # of these, what befell sources, not pages
    problems: list[str] = field(default_factory=list)
    crawl: int | None = None  # the id of its row in crawls

    def count(self, outcome: Outcome) -> None:
        """Count a saved release."""
        setattr(self, outcome.value, getattr(self, outcome.value) + 1)

    def note(self, release: Release) -> None:
        """Count a page that was read to the end, and which fields it told."""
        self.read += 1
        self.fills.update(find_told(release))

    def refuse(self, problem: str, fault: str = "other") -> None:
        """Count a page that gave no release; the kind of fault as scraper.faults tells it."""
        self.refused += 1
        self.blame(problem, fault)

    def err(self, problem: str, fault: str = "other", *, source: bool = False) -> None:
        """Count something that did not answer or could not be read; whether that is a source."""
        self.errors += 1
        self.source_faults.update([fault] if source else [])
        self.blame(problem, fault)

    def blame(self, problem: str, fault: str) -> None:
        """Name what went wrong, by its kind as well."""
        self.faults[fault] += 1
        self.problems.append(problem)

    def doubt(self, problem: str) -> None:
        """Note what is doubtful in a release that was kept all the same."""
        self.problems.append(problem)

    def counts(self) -> dict[str, int]:
        """The numbers, as columns of the crawls table."""
        return {name: getattr(self, name) for name in COUNTS}
