"""The table month_counts: how many releases each agency has of each month. Triggers maintain it, so
that pages need not count rows; here it is checked and filled again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from sqlite_utils import Database

MONTH_COUNTS_SQL = """
    with counted as materialized (
      select agency, coalesce(nullif(substr(sort_date, 1, 7), ''), 'none') as month,
        count(*) as releases, count(sort_day) as dated
      from release_facets group by 1, 2)
    select agency, month, releases, dated from counted
    union all select '', month, sum(releases), sum(dated) from counted group by month
    union all select agency, '', sum(releases), sum(dated) from counted group by agency
    union all select '', '', sum(releases), sum(dated) from counted having count(*) > 0
"""


def find_wrong_month_counts(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield the key of each row that is missing, superfluous or wrong, with what is wrong."""
    rows = db.execute(
        "select agency, month, ifnull(m.releases || ' and ' || m.dated, 'missing'),"
        " ifnull(c.releases || ' and ' || c.dated, 'missing')"
        f" from ({MONTH_COUNTS_SQL}) c full join month_counts m using (agency, month)"
        " where (m.releases, m.dated) is not (c.releases, c.dated) order by agency, month"
    )
    for agency, month, stored, counted in rows:
        yield f"{agency or '-'} {month or '-'}", f"is {stored}, should be {counted}"


def fill_month_counts(db: Database) -> None:
    """Count all rows again."""
    db.execute("delete from month_counts")
    db.execute(f"insert into month_counts select * from ({MONTH_COUNTS_SQL}) order by 1, 2")
