"""What a search runs on, and what it gives: rows in, hits and choices out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Run(Protocol):
    """Whatever can run a SELECT with named values and give its rows."""

    async def __call__(self, sql: str, values: dict[str, Any], /) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a facet, with how many releases it would leave."""

    value: str
    count: int
    name: str
    name_en: str | None = None
