"""What a search runs on, and what it gives: rows in, hits and choices out."""

from __future__ import annotations

import sqlite3
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


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


def runner_on(connection: sqlite3.Connection) -> Run:
    """Runs on a connection, and never has to wait."""

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        cursor = connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    return run


def finish(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: Result = done.value
        return found
    raise RuntimeError("it waited")
