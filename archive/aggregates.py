"""Triggers that maintain derived tables, so that pages need not count rows; SQL to refill the tables.

    release_facets  one narrow row per release in lists and searches; none for moved and hidden releases
    month_counts    releases by agency and month; agency "" is all agencies, month "" is all months
    tag_releases    the releases of a tag, in the order of lists
    tag_counts      releases by tag and agency
    edit_counts     edits by agency, and those made without changing the agency's own update date

All lists of releases are sorted by `sort_date`: when a release was published, else updated, else first found by a
crawl. A release that was imported, or found by an agency's first complete crawl, may be of any age. If such a release
states no date itself, its sort date is "", and it comes last.
"""

from __future__ import annotations

from sqlite_utils import Database

NO_MONTH = "none"  # the month of releases without a date

FACETS_SQL = """
    insert into release_facets (release, agency, kind, sort_day, sort_date, questions)
    select r.id, r.agency, r.kind, iif(length(r.published) = 7, r.published || '-01', substr(r.published, 1, 10)),
      coalesce(r.published, r.updated, iif(exists (select 1 from crawls c where c.agency = r.agency
        and c.spider = 'news' and c.reason = 'finished' and c.finished < r.first_seen) and not exists (
        select 1 from revisions v where v.release = r.id and v.cause = 'import'), r.first_seen, '')),
      (select count(*) from questions q where q.release = r.id)
    from releases r where {which} and r.moved_to is null"""
NEW_FACETS_SQL = FACETS_SQL.format(which="r.id = new.id")
CHANGED_FACETS_SQL = FACETS_SQL.format(which="r.id = new.id and r.takedown is not 'hidden'")
FACET_TRIGGERS = {
    "facets_new": f"after insert on releases begin {NEW_FACETS_SQL}; end",
    "facets_deleted": "after delete on releases begin delete from release_facets where release = old.id; end",
    # a release is inserted before the revision that marks it as imported
    "facets_import": """after insert on revisions
        when new.cause = 'import' and new.published is null and new.updated is null begin
          update release_facets set sort_date = '' where release = new.release;
        end""",
    "facets_question": """after insert on questions begin
          update release_facets set questions = questions + 1 where release = new.release;
        end""",
    "facets_question_deleted": """after delete on questions begin
          update release_facets set questions = questions - 1 where release = old.release;
        end""",
    "facets_changed": f"""after update of agency, kind, published, updated, moved_to, takedown on releases begin
          delete from release_facets where release = new.id; {CHANGED_FACETS_SQL};
        end""",
}

MONTH_SQL = f"coalesce(nullif(substr({{row}}.sort_date, 1, 7), ''), '{NO_MONTH}')"
MONTH_ROWS_SQL = ", ".join(
    f"({agency}, {month}, 1, new.sort_day is not null)"
    for agency in ("new.agency", "''")
    for month in (MONTH_SQL.format(row="new"), "''")
)
OLD_MONTHS_SQL = f"agency in (old.agency, '') and month in ({MONTH_SQL.format(row='old')}, '')"
OLD_TAGS_SQL = "tag in (select tag from release_tags where release = old.release)"
ADD_RELEASE_SQL = f"""
    insert into month_counts (agency, month, releases, dated) values {MONTH_ROWS_SQL}
      on conflict (agency, month) do update set releases = releases + 1, dated = dated + excluded.dated;
    insert into tag_releases (tag, sort_date, release) select tag, new.sort_date, release from release_tags
      where release = new.release;
    insert into tag_counts (tag, agency, releases) select tag, new.agency, 1 from release_tags
      where release = new.release on conflict (tag, agency) do update set releases = releases + 1;
"""
REMOVE_RELEASE_SQL = f"""
    update month_counts set releases = releases - 1, dated = dated - (old.sort_day is not null) where {OLD_MONTHS_SQL};
    delete from month_counts where {OLD_MONTHS_SQL} and releases = 0;
    delete from tag_releases where release = old.release and sort_date = old.sort_date and {OLD_TAGS_SQL};
    update tag_counts set releases = releases - 1 where agency = old.agency and {OLD_TAGS_SQL};
    delete from tag_counts where agency = old.agency and releases = 0 and {OLD_TAGS_SQL};
"""
IS_EDIT_SQL = "{row}.cause = 'source' and {row}.previous is not null"
IS_NEW_EDIT_SQL = IS_EDIT_SQL.format(row="new")
OLD_EDIT_SQL = f"{IS_EDIT_SQL.format(row='old')} and agency = (select agency from releases where id = old.release)"
ADD_EDIT_SQL = f"""
    insert into edit_counts (agency, edits, unannounced) select agency, 1, new.update_date_changed = 0 from releases
      where id = new.release and {IS_NEW_EDIT_SQL}
      on conflict (agency) do update set edits = edits + 1, unannounced = unannounced + excluded.unannounced;
"""
REMOVE_EDIT_SQL = f"""
    update edit_counts set edits = edits - 1, unannounced = unannounced - (old.update_date_changed = 0)
      where {OLD_EDIT_SQL};
    delete from edit_counts where edits = 0 and {OLD_EDIT_SQL};
"""
COUNT_TRIGGERS = {
    "counts_facets_new": f"after insert on release_facets begin {ADD_RELEASE_SQL} end",
    "counts_facets_deleted": f"after delete on release_facets begin {REMOVE_RELEASE_SQL} end",
    "counts_facets_changed": f"""after update of agency, sort_day, sort_date on release_facets begin
          {REMOVE_RELEASE_SQL} {ADD_RELEASE_SQL}
        end""",
    "counts_tag": """after insert on release_tags begin
          insert into tag_releases (tag, sort_date, release) select new.tag, sort_date, release from release_facets
            where release = new.release;
          insert into tag_counts (tag, agency, releases) select new.tag, agency, 1 from release_facets
            where release = new.release on conflict (tag, agency) do update set releases = releases + 1;
        end""",
    "counts_tag_deleted": """after delete on release_tags begin
          delete from tag_releases where tag = old.tag and release = old.release
            and sort_date = (select sort_date from release_facets where release = old.release);
          update tag_counts set releases = releases - 1 where tag = old.tag
            and agency = (select agency from release_facets where release = old.release);
          delete from tag_counts where tag = old.tag and releases = 0;
        end""",
    "counts_edit": f"after insert on revisions when {IS_NEW_EDIT_SQL} begin {ADD_EDIT_SQL} end",
    # the first revision of a release that moved may become an edit of its state at the old URL
    "counts_edit_changed": f"""after update of cause, previous, update_date_changed on revisions begin
          {REMOVE_EDIT_SQL} {ADD_EDIT_SQL}
        end""",
    "counts_edit_deleted": f"after delete on revisions begin {REMOVE_EDIT_SQL} end",
}

COUNT_SQL = {  # the rows that each table should have; `verify` compares them
    "month_counts": f"""
    with counted as materialized (select agency, {MONTH_SQL.format(row="release_facets")} as month, count(*) as n,
      count(sort_day) as d from release_facets group by 1, 2)
    select agency, month, n, d from counted union all select '', month, sum(n), sum(d) from counted group by month
    union all select agency, '', sum(n), sum(d) from counted group by agency
    union all select '', '', sum(n), sum(d) from counted having count(*) > 0
    """,
    "tag_releases": """
    select rt.tag, l.sort_date, l.release from release_tags rt join release_facets l on l.release = rt.release
    """,
    "tag_counts": """
    select rt.tag, l.agency, count(*) from release_tags rt join release_facets l on l.release = rt.release group by 1, 2
    """,
    "edit_counts": f"""
    select r.agency, count(*), sum(v.update_date_changed = 0) from revisions v join releases r on r.id = v.release
      where {IS_EDIT_SQL.format(row="v")} group by 1
    """,
}


def fill_count_tables(db: Database) -> None:
    """Replace the rows of every table in COUNT_SQL with newly counted ones."""
    for name, counted_sql in COUNT_SQL.items():
        key_positions = ", ".join(str(position) for position, _ in enumerate(db.table(name).pks, 1))
        db.execute(f"delete from {name}")
        db.execute(f"insert into {name} select * from ({counted_sql}) order by {key_positions}")
