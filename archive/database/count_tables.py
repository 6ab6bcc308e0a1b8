"""Checks and refills the tables of counts and lists.

These tables hold the number of releases per agency, month and tag, the number of edits, and the
releases of each tag in list order. Triggers keep them up to date, so that the pages of the site can
be built without counting or sorting.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from sqlite_utils import Database

# table → its key, what is kept for it, and a SELECT of the rows that it should have
COUNT_TABLES = {
    "month_counts": (
        ("agency", "month"),
        "releases || ' and ' || dated",
        """
    with counted as materialized (
      select agency, coalesce(nullif(substr(sort_date, 1, 7), ''), 'none') as month,
        count(*) as releases, count(sort_day) as dated
      from release_facets group by 1, 2)
    select agency, month, releases, dated from counted
    union all select '', month, sum(releases), sum(dated) from counted group by month
    union all select agency, '', sum(releases), sum(dated) from counted group by agency
    union all select '', '', sum(releases), sum(dated) from counted having count(*) > 0
    """,
    ),
    "tag_counts": (
        ("tag", "agency"),
        "releases",
        """
    select t.tag, l.agency, count(*) as releases
    from release_tags t join release_facets l on l.release = t.release group by 1, 2
    """,
    ),
    "tag_releases": (
        ("tag", "sort_date", "release"),
        "'there'",
        """
    select t.tag, l.sort_date, l.release
    from release_tags t join release_facets l on l.release = t.release
    """,
    ),
    "edit_counts": (
        ("agency",),
        "edits || ' and ' || unannounced",
        """
    select r.agency, count(*) as edits,
      count(iif(v.update_date_changed is 0, 1, null)) as unannounced
    from revisions v join releases r on r.id = v.release
    where v.cause = 'source' and v.previous is not null group by 1
    """,
    ),
}


def find_wrong_counts(db: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Yield the table, key and problem of each row that is missing, superfluous or wrong.

    Tables that do not exist yet, because the archive has not been migrated, are skipped.
    """
    for table, (keys, value, counted) in COUNT_TABLES.items():
        if not Database(db).table(table).exists():
            continue
        names = ", ".join(keys)
        # grouped, because a full join compares each row with each
        rows = db.execute(
            f"select ifnull(max(stored), 'missing'), ifnull(max(found), 'missing'), {names} from"
            f" (select {names}, {value} as stored, null as found from {table}"
            f" union all select {names}, null, {value} from ({counted}))"
            f" group by {names} having max(stored) is not max(found) order by {names}"
        )
        for stored, found, *key in rows:
            text = " ".join(str(part) or "-" for part in key)
            yield table, text, f"is {stored}, should be {found}"


def fill_counts(db: Database) -> None:
    """Recompute all counts."""
    for table, (keys, _, counted) in COUNT_TABLES.items():
        db.execute(f"delete from {table}")
        db.execute(f"insert into {table} select * from ({counted}) order by {', '.join(keys)}")
