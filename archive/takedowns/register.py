"""The public log of takedowns: newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.history.asked import Args, read_number
from archive.history.register import MOST_ROWS, PAGE_SIZE
from archive.search import Run

HIDDEN = "select id from releases where withheld = 'hidden'"  # no list tells of these
LOG = """
    select t.id, t.release, t.kind, t.reason, t.reason_en, t.at, t.lifted, t.lifted_reason, r.withheld, r.agency,
      a.name, a.name_en
    from takedowns t join releases r on r.id = t.release join agencies a on a.slug = r.agency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """What a reader asks for. after: the last row of the page before."""

    after: int | None = None
    size: int = PAGE_SIZE

    def filters(self) -> dict[str, Any]:
        """None, but every register has some."""
        return {}


def parse_log(args: Args) -> LogQuery:
    """What an address asks for; FilterError where that cannot be read."""
    return LogQuery(after=read_number(args, "after"), size=min(read_number(args, "size") or PAGE_SIZE, MOST_ROWS))


async def find_log(run: Run, query: LogQuery) -> tuple[Sequence[Mapping[str, Any]], int | None]:
    """A page's lines, and where the next begins."""
    where = "where t.id < :after" if query.after is not None else ""
    rows = await run(f"{LOG} {where} order by t.id desc limit :limit", {"after": query.after, "limit": query.size + 1})
    shown = [dict(row) for row in rows[: query.size]]
    return shown, shown[-1]["id"] if len(rows) > query.size else None


async def find_in_force(run: Run, release: int) -> list[Mapping[str, Any]]:
    """What covers a release now, a hiding first."""
    rows = await run(
        f"{LOG} where t.release = :release and t.lifted is null order by t.kind, t.id", {"release": release}
    )
    return [dict(row) for row in rows]
