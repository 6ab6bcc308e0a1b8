"""A tag: found by its number or its words, and who uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archive.language import sort_key
from archive.search import Run

USES = """
    select a.slug, a.name, a.name_en, c.releases as n from tag_counts c join agencies a on a.slug = c.agency
    where c.tag = :tag order by n desc, a.name
"""


async def find_tag(run: Run, named: str) -> dict[str, Any] | None:
    """By number, else by its very words, else by its words in other letters (capital or small)."""
    if named.isascii() and named.isdigit() and len(named) < 16:
        rows = await run("select id, name from tags where id = :id", {"id": int(named)})
        if rows:
            return dict(rows[0])
    rows = await run("select id, name from tags where name = :name", {"name": named})
    if not rows:
        folded = sort_key(named)
        rows = [row for row in await run("select id, name from tags", {}) if sort_key(row["name"]) == folded]
    return dict(rows[0]) if rows else None


async def count_uses(run: Run, tag: int) -> Sequence[Any]:
    """Agencies with how many releases of theirs have the tag, those with most first."""
    return await run(USES, {"tag": tag})
