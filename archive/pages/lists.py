"""Lists of releases, newest first, by agency, tag and month; a cursor (the last release shown) leads on.

All is found in the table listed (archive/search/listed.py), whose `newest` is what lists are sorted by: published,
else updated, else first seen. Releases that moved are not in it: their record goes on elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from archive.history.asked import Args, FilterError, read_number
from archive.search import Run

PAGE_SIZE = 30
UNDATED = "undated"  # the month of releases whose page states no publication date
MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
LINES = """
    select r.id, r.title, r.kind, r.language, r.published, r.updated, r.first_seen, r.gone, r.agency, a.name, a.name_en
    from ({found}) found cross join releases r on r.id = found.release cross join agencies a on a.slug = r.agency
    order by found.newest desc, found.release desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which releases a list shows. month: yyyy-mm of publication, or UNDATED; after: the last of the page before."""

    agency: str | None = None
    tag: int | None = None
    month: str | None = None
    after: int | None = None
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One page of a list; `more`: the cursor of the next, if there is one."""

    rows: list[Any]
    more: int | None


async def find_listed(run: Run, wanted: Wanted) -> Listed:
    """One page; FilterError where `after` names no release. Ids are found by an index alone, then read."""
    values: dict[str, Any] = {"agency": wanted.agency, "tag": wanted.tag, "limit": wanted.size + 1}
    source, conditions = "listed l", ["true"]
    if wanted.agency:
        conditions.append("l.agency = :agency")
    if wanted.tag is not None:
        source = "tagged l"
        conditions.append("l.tag = :tag")
    if wanted.month:
        conditions += in_month(wanted.month, values)
    if wanted.after is not None:
        values |= await read_cursor(run, wanted.after)
        conditions.append("l.newest <= :newest and (l.newest < :newest or l.release < :after)")
    found = (
        f"select l.release, l.newest from {source} where {' and '.join(conditions)}"
        " order by l.newest desc, l.release desc limit :limit"
    )
    rows = list(await run(LINES.format(found=found), values))
    shown = rows[: wanted.size]
    return Listed(rows=shown, more=shown[-1]["id"] if len(rows) > wanted.size else None)


async def find_newest_month(run: Run) -> str | None:
    """The month of the newest dated release."""
    rows = await run(
        "select substr(day, 1, 7) as month from listed where day is not null order by newest desc limit 1", {}
    )
    return str(rows[0]["month"]) if rows else None


def parse_month(text: str) -> str:
    """A month of an address, or UNDATED; FilterError where it is none.

    >>> parse_month("2024-05")
    '2024-05'
    """
    if text != UNDATED and not MONTH.fullmatch(text):
        raise FilterError("month", text, "a month as YYYY-MM, or undated")
    return text


def parse_after(args: Args) -> int | None:
    """The cursor of an address; FilterError where it cannot be read."""
    return read_number(args, "after")


def in_month(month: str, values: dict[str, Any]) -> list[str]:
    """SQL for a month. Of dated releases `newest` is when they were published."""
    if month == UNDATED:
        return ["l.day is null"]
    values |= {"from": month, "to": following(month)}
    return ["l.day is not null", "l.newest >= :from", "l.newest < :to"]


def following(month: str) -> str:
    """The month after.

    >>> following("2024-05"), following("2024-12")
    ('2024-06', '2025-01')
    """
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


async def read_cursor(run: Run, after: int) -> dict[str, Any]:
    """Where the page before ended."""
    rows = await run("select newest from listed where release = :after", {"after": after})
    if not rows:
        raise FilterError("after", str(after), "the number of a release")
    return {"after": after, "newest": rows[0]["newest"]}
