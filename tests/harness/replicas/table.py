"""The measurements, and those that miss their target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.table import Table

from tests.harness.world.tables import make_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A figure; `good` is None if it has no target."""

    what: str
    found: str
    target: str = ""
    good: bool | None = None


@dataclass(slots=True)
class Result:
    """All results."""

    lines: list[Line] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def add(self, what: str, found: object, target: str = "", *, good: bool | None = None) -> None:
        """Add a figure, and whether it is good."""
        self.lines.append(Line(what=what, found=str(found), target=target, good=good))
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

    def most(self, what: str, seconds: float, target: float) -> None:
        """Add seconds with a maximum."""
        self.add(what, f"{seconds:.1f} s", f"<= {target:.0f} s", good=seconds <= target)

    def to_table(self, title: str) -> Table:
        """Format the results for the terminal."""
        table = make_table("", "found", "target", "", title=title, left=(0, 2, 3))
        for line in self.lines:
            mark = {None: "", True: "·", False: "missed"}[line.good]
            style = "red" if line.good is False else None
            table.add_row(line.what, line.found, line.target, mark, style=style)
        return table
