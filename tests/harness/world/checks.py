"""Checks that must find nothing, and what must be true of every archive after any interruption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from archive.evidence.verification import verify
from tests.harness.world.tables import make_table

DOUBLED = {
    "no release is held twice": "select url from releases group by url having count(*) > 1",
    "no state follows itself": (
        "select v.id from revisions v join revisions p on p.id = v.previous where p.hash = v.hash"
    ),
    "every release has one first state": (
        "select release from revisions group by release having sum(cause = 'first') <> 1"
    ),
    "every release stands as its newest state": (
        "select r.id from releases r join revisions v on v.id = r.revision where r.hash <> v.hash"
        " or v.id <> (select max(id) from revisions where release = r.id)"
    ),
    "every capture belongs to a state": (
        "select id from captures where id not in (select capture from revisions where capture"
        " is not null) and id not in (select capture from releases where capture is not null)"
        " and id not in (select capture from removals where capture is not null) and id not in"
        " (select capture from quarantine where capture is not null) and id not in (select"
        " capture from attachment_versions)"
    ),
    "every fetched file is known": (
        "select url from frontier where role = 'attachment' and state = 'done'"
        " and url not in (select url from attachment_versions)"
    ),
    "nothing is left held back": (
        "select url, seen, reason, decision from quarantine where decided is null"
    ),
}


@dataclass
class Checklist:
    """Counts checks, and records a miss for each that found something."""

    tell: Callable[[str], None] | None = None
    prefix: str = ""  # of each miss
    misses: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def check(self, what: str, found: object) -> None:
        """Record a miss if something was found that must not be."""
        self.counts[what] += 1
        if found:
            self.misses.append(f"{self.prefix}{what}: {repr(found)[-1500:]}")
            if self.tell:
                self.tell(self.misses[-1])

    def verify(self, archive: Path) -> None:
        """Check an archive as `python -m archive verify` does."""
        self.check("verify is clean", list_findings(archive))

    def to_table(self) -> Table:
        """Format how often each promise was checked, and how often it was broken."""
        table = make_table("held true", "looked at", "missed")
        for what, number in self.counts.items():
            failed = sum(miss.startswith(f"{self.prefix}{what}: ") for miss in self.misses)
            cells = (what, str(number), str(failed or "·"))
            table.add_row(*cells, style="red" if failed else None)
        return table


@dataclass(slots=True)
class Figures:
    """Figures with their targets, and a line for each that misses its own."""

    rows: list[tuple[str, str, str, bool | None]] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def add(self, what: str, found: object, target: str = "", *, good: bool | None = None) -> None:
        """Add a figure, and whether it is good; None if it has no target."""
        self.rows.append((what, str(found), target, good))
        if good is False:
            self.misses.append(f"{what}: {found} (target {target})")

    def none(self, what: str, found: Iterable[object]) -> None:
        """Add findings; there must be none."""
        held = list(found)
        self.add(what, len(held), "0", good=not held)
        self.misses += [f"    {each}" for each in held[:20]]

    def least(self, what: str, number: int, target: int) -> None:
        """Add a number with a minimum."""
        self.add(what, number, f">= {target}", good=number >= target)

    def most(self, what: str, number: float, target: float, unit: str = "s") -> None:
        """Add a measure with a maximum."""
        self.add(what, f"{number:.4g} {unit}", f"<= {target:g} {unit}", good=number <= target)

    def to_table(self, title: str) -> Table:
        table = make_table("", "found", "target", "", title=title, left=(0, 2, 3))
        for *cells, good in self.rows:
            mark = {None: "", True: "·", False: "missed"}[good]
            table.add_row(*map(str, cells), mark, style="red" if good is False else None)
        return table


def list_findings(archive: Path) -> list[str]:
    """Return what `verify` finds in an archive."""
    return [str(finding) for finding in verify(archive).findings]
