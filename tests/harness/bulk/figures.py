"""A row of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measurement and its maximum; without a target it is only reported."""

    name: str
    value: float
    unit: str = ""
    most: float | None = None
    digits: int = 1

    @property
    def missed(self) -> bool:
        """Return whether the target is exceeded."""
        return self.most is not None and not self.value <= self.most

    def __str__(self) -> str:
        target = "" if self.most is None else f"≤ {self.most:g}"
        mark = "  missed" if self.missed else ""
        return f"{self.name:58}{self.value:>12,.{self.digits}f}{target:>12} {self.unit}{mark}"
