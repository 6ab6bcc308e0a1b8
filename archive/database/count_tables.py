"""Counts that are kept in tables, so that pages need not count rows: how they are checked and
filled again.

The triggers in schema.sql keep month_counts, tag_releases, tag_counts and edit_counts.
"""

from __future__ import annotations

from sqlite_utils import Database

COUNT_SQL = {  # the rows that each table should have; `verify` compares them
    "month_counts": """
    with counted as materialized (
      select agency, coalesce(nullif(substr(sort_date, 1, 7), ''), 'none') as month,
        count(*) as n, count(sort_day) as d
      from release_facets group by 1, 2)
    select agency, month, n, d from counted union all select '', month, sum(n), sum(d) from counted
      group by month
    union all select agency, '', sum(n), sum(d) from counted group by agency
    union all select '', '', sum(n), sum(d) from counted having count(*) > 0
    """,
    "tag_releases": """
    select rt.tag, l.sort_date, l.release from release_tags rt join release_facets l
      on l.release = rt.release
    """,
    "tag_counts": """
    select rt.tag, l.agency, count(*) from release_tags rt join release_facets l
      on l.release = rt.release group by 1, 2
    """,
    "edit_counts": """
    select r.agency, count(*), sum(v.update_date_changed = 0) from revisions v join releases r
      on r.id = v.release
      where v.is_edit group by 1
    """,
}


def fill_continues_as(db: Database) -> None:
    """Compute again where each chain of moves ends (releases.continues_as)."""
    db.execute("update releases set continues_as = null where continues_as is not null")
    db.execute(
        "with recursive chain(id, last) as ("
        " select m.moved_to, m.moved_to from releases m left join releases t on t.id = m.moved_to"
        " where m.moved_to is not null and t.moved_to is null"
        " union select r.id, chain.last from releases r join chain on r.moved_to = chain.id)"
        " update releases set continues_as = chain.last from chain"
        " where chain.id = releases.id and releases.moved_to is not null"
    )


def fill_count_tables(db: Database) -> None:
    """Replace the rows of every table in COUNT_SQL with newly counted ones."""
    for name, counted_sql in COUNT_SQL.items():
        key_positions = ", ".join(str(position) for position, _ in enumerate(db.table(name).pks, 1))
        db.execute(f"delete from {name}")
        db.execute(f"insert into {name} select * from ({counted_sql}) order by {key_positions}")
