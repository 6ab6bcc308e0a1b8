"""Whether what is shown of a release (releases and its parts) is what the revision that stands holds."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archive.errors import ArchiveError
from archive.state import FIELDS, PARTS, STATE

SHOWN_STEP = 1000  # ids a query


def check_releases(path: Path, db: sqlite3.Connection) -> Iterator[ArchiveError | None]:
    """For each release what is wrong with it, if anything."""
    end = db.execute("select coalesce(max(id), 0) from releases").fetchone()[0]
    shown = ", ".join(f"r.{name}" for name in (*STATE, "hash"))
    kept = ", ".join(f"v.{name}" for name in (*STATE, "hash"))
    sql = (
        f"select r.id, r.revision, v.release is r.id and ({shown}) is ({kept}), v.tags,"
        f" {', '.join(f'v.{name}' for name in PARTS)}"
        " from releases r left join revisions v on v.id = r.revision where r.id between ? and ?"
    )
    for first in range(1, end + 1, SHOWN_STEP):
        span = (first, first + SHOWN_STEP - 1)
        tags, parts = read_tags(db, span), {name: read_parts(db, name, span) for name in PARTS}
        for release, revision, same, tags_kept, *parts_kept in db.execute(sql, span).fetchall():
            differing = [] if same else ["releases"]
            if not holds(tags_kept, tags[release], ordered=False):
                differing.append("release_tags")
            for name, text in zip(PARTS, parts_kept, strict=True):
                if not holds(text, parts[name][release]):
                    differing.append(name)
            if not differing:
                yield None
            for table in differing:
                yield ArchiveError(path, f"is not as revision {revision} holds it", table=table, key=str(release))


def holds(kept: str | None, shown: list[Any], *, ordered: bool = True) -> bool:
    """Whether a revision's list is what is shown; one that was not read in its day tells nothing.

    >>> holds('["b", "a"]', ["a", "b"], ordered=False), holds("[", []), holds(None, [])
    (True, False, True)
    """
    if kept is None:
        return True
    try:
        found = json.loads(kept)
        return bool(found == shown if ordered else sorted(found) == sorted(shown))
    except (ValueError, TypeError):  # no JSON, or no list
        return False


def read_tags(db: sqlite3.Connection, span: tuple[int, int]) -> dict[int, list[str]]:
    """The tags of some releases."""
    found: dict[int, list[str]] = defaultdict(list)
    sql = "select rt.release, t.name from release_tags rt join tags t on t.id = rt.tag where rt.release between ? and ?"
    for release, name in db.execute(sql, span):
        found[release].append(name)
    return found


def read_parts(db: sqlite3.Connection, table: str, span: tuple[int, int]) -> dict[int, list[dict[str, Any]]]:
    """The questions, images … of some releases, as revisions hold them."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    names = FIELDS[table]
    sql = f"select release, {', '.join(names)} from {table} where release between ? and ? order by release, position"
    for release, *values in db.execute(sql, span):
        found[release].append(dict(zip(names, values, strict=True)))
    return found
