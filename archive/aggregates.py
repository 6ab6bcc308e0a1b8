"""Release_facets and *_counts tables kept by triggers.

What pages would otherwise have to count: tables kept by triggers as releases come and go (SQL of a migration).

months      releases by agency and month; agency "" is all of them, month "" all months
tagged      the releases of a tag, in the order of lists
tag_counts  releases by tag and agency
edit_counts edits by agency, and those with which its own update stamp did not move

The first three count what is listed (listed.py): what moved or is hidden is in none.
Edits are counted as they are kept.

The table listed: one narrow row for each release that searches show, kept by triggers (SQL of a migration).

`newest` is the one order of every list of releases: when a release was published, else when its agency updated it,
else when a crawl found it. What was there before the archive looked (an agency's first whole crawl, an import) may be
of any age: without a date of its own it stands last, as "".
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database

NO_MONTH = "none"  # of what is without any date
COUNT_TABLES = (
    "create table months (agency text not null, month text not null, releases integer not null,"
    " dated integer not null, primary key (agency, month)) without rowid",
    "create table tagged (tag integer not null references tags(id), newest text not null,"
    # no foreign key to releases: Datasette would count these rows on every release's page, through the whole table
    " release integer not null, primary key (tag, newest, release)) without rowid",
    "create table tag_counts (tag integer not null references tags(id), agency text not null references agencies(slug),"
    " releases integer not null, primary key (tag, agency)) without rowid",
    "create table edit_counts (agency text primary key references agencies(slug), edits integer not null,"
    " unannounced integer not null) without rowid",
    "create index idx_tag_counts_agency on tag_counts (agency)",
    "create index idx_listed_undated on listed (newest, agency) where day is null",
    "create index idx_crawls_finished on crawls (finished)",
    "create index idx_crawls_whole on crawls (agency, finished) where spider = 'news' and reason = 'finished'",
)
MONTH_SQL = f"coalesce(nullif(substr({{row}}.newest, 1, 7), ''), '{NO_MONTH}')"
MONTH_ROWS_SQL = ", ".join(
    f"({agency}, {month}, 1, {{row}}.day is not null)"
    for agency in ("{row}.agency", "''")
    for month in (MONTH_SQL, "''")
)
ADD_RELEASE_SQL = f"""
    insert into months (agency, month, releases, dated) values {MONTH_ROWS_SQL.format(row="new")} on conflict (agency, month)
      do update set releases = releases + 1, dated = dated + excluded.dated;
    insert into tagged (tag, newest, release) select tag, new.newest, release from release_tags
      where release = new.release;
    insert into tag_counts (tag, agency, releases) select tag, new.agency, 1 from release_tags
      where release = new.release on conflict (tag, agency) do update set releases = releases + 1;
"""
OLD_MONTH_SQL = MONTH_SQL.format(row="old")
REMOVE_RELEASE_SQL = f"""
    update months set releases = releases - 1, dated = dated - (old.day is not null)
      where agency in (old.agency, '') and month in ({OLD_MONTH_SQL}, '');
    delete from months where agency in (old.agency, '') and month in ({OLD_MONTH_SQL}, '') and releases = 0;
    delete from tagged where release = old.release and newest = old.newest
      and tag in (select tag from release_tags where release = old.release);
    update tag_counts set releases = releases - 1 where agency = old.agency
      and tag in (select tag from release_tags where release = old.release);
    delete from tag_counts where agency = old.agency and releases = 0
      and tag in (select tag from release_tags where release = old.release);
"""
IS_EDIT_SQL = "{row}.cause = 'source' and {row}.previous is not null"
ADD_EDIT_SQL = f"""
    insert into edit_counts (agency, edits, unannounced) select agency, 1, new.dated = 0 from releases
      where id = new.release and {IS_EDIT_SQL.format(row="new")} on conflict (agency) do update
      set edits = edits + 1, unannounced = unannounced + excluded.unannounced;
"""
OLD_EDIT_SQL = f"{IS_EDIT_SQL.format(row='old')} and agency = (select agency from releases where id = old.release)"
REMOVE_EDIT_SQL = f"""
    update edit_counts set edits = edits - 1, unannounced = unannounced - (old.dated = 0) where {OLD_EDIT_SQL};
    delete from edit_counts where edits = 0 and {OLD_EDIT_SQL};
"""
COUNT_TRIGGERS = {
    "counted_new": f"after insert on listed begin {ADD_RELEASE_SQL} end",
    "counted_gone": f"after delete on listed begin {REMOVE_RELEASE_SQL} end",
    "counted_changed": f"after update of agency, day, newest on listed begin {REMOVE_RELEASE_SQL} {ADD_RELEASE_SQL} end",
    "counted_tag": "after insert on release_tags begin"
    " insert into tagged (tag, newest, release) select new.tag, newest, release from listed"
    " where release = new.release;"
    " insert into tag_counts (tag, agency, releases) select new.tag, agency, 1 from listed where release = new.release"
    " on conflict (tag, agency) do update set releases = releases + 1; end",
    "counted_no_tag": "after delete on release_tags begin"
    " delete from tagged where tag = old.tag and release = old.release"
    " and newest = (select newest from listed where release = old.release);"
    " update tag_counts set releases = releases - 1 where tag = old.tag"
    " and agency = (select agency from listed where release = old.release);"
    " delete from tag_counts where tag = old.tag and releases = 0; end",
    "counted_edit": f"after insert on revisions when {IS_EDIT_SQL.format(row='new')} begin {ADD_EDIT_SQL} end",
    # what a moved release was first read as follows what it was at its old address
    "counted_joined": f"after update of cause, previous, dated on revisions begin {REMOVE_EDIT_SQL} {ADD_EDIT_SQL} end",
    "counted_no_edit": f"after delete on revisions begin {REMOVE_EDIT_SQL} end",
}
KEY_LENGTHS = {
    "months": 2,
    "tagged": 3,
    "tag_counts": 2,
    "edit_counts": 1,
}  # columns that tell a row from others: its first
COUNT_SQL = {  # what stands in each table, counted
    "months": f"""
    with counted as materialized (select agency, {MONTH_SQL.format(row="listed")} as month, count(*) as n, count(day) as d
      from listed group by 1, 2)
    select agency, month, n, d from counted union all select '', month, sum(n), sum(d) from counted group by month
    union all select agency, '', sum(n), sum(d) from counted group by agency
    union all select '', '', sum(n), sum(d) from counted having count(*) > 0
    """,
    "tagged": "select rt.tag, l.newest, l.release from release_tags rt join listed l on l.release = rt.release",
    "tag_counts": "select rt.tag, l.agency, count(*) from release_tags rt join listed l on l.release = rt.release"
    " group by 1, 2",
    "edit_counts": "select r.agency, count(*), sum(v.dated = 0) from revisions v join releases r on r.id = v.release"
    f" where {IS_EDIT_SQL.format(row='v')} group by 1",
}


def create_count_tables(db: Database) -> None:
    """The tables, filled, and what keeps them."""
    for sql in COUNT_TABLES:
        db.execute(sql)
    fill_count_tables(db)
    for name, trigger in COUNT_TRIGGERS.items():
        db.execute(f"create trigger {name} {trigger}")


def fill_count_tables(db: Database, tables: Iterable[str] = COUNT_SQL) -> None:
    """Every row anew."""
    for name in tables:
        db.execute(f"delete from {name}")
        db.execute(
            f"insert into {name} select * from ({COUNT_SQL[name]}) order by {', '.join('123'[: KEY_LENGTHS[name]])}"
        )


def rebuild_edit_counts(db: Database) -> None:
    """What takes edits out again, by today's triggers; and the counts from before there were such."""
    for name in ("counted_joined", "counted_no_edit"):
        db.execute(f"drop trigger if exists {name}")
        db.execute(f"create trigger {name} {COUNT_TRIGGERS[name]}")
    fill_count_tables(db, ["edit_counts"])


FACET_COLUMNS = {"release": int, "agency": str, "kind": str, "day": str, "newest": str, "questions": int}
INSERT_FACETS_SQL = """
    insert into listed (release, agency, kind, day, newest, questions)
    select r.id, r.agency, r.kind, iif(length(r.published) = 7, r.published || '-01', substr(r.published, 1, 10)),
      coalesce(r.published, r.updated, iif(exists (select 1 from crawls c where c.agency = r.agency
        and c.spider = 'news' and c.reason = 'finished' and c.finished < r.first_seen) and not exists (
        select 1 from revisions v where v.release = r.id and v.cause = 'import'), r.first_seen, '')),
      (select count(*) from questions q where q.release = r.id)
    from releases r where {which} and r.moved_to is null"""
FACET_TRIGGERS = {
    "listed_new": f"after insert on releases begin {INSERT_FACETS_SQL.format(which='r.id = new.id')}; end",
    "listed_changed": "after update of agency, kind, published, updated, moved_to on releases begin"
    f" delete from listed where release = new.id; {INSERT_FACETS_SQL.format(which='r.id = new.id')}; end",
    "listed_gone": "after delete on releases begin delete from listed where release = old.id; end",
    # its release is written before the state that tells where it comes from
    "listed_import": "after insert on revisions when new.cause = 'import' and new.published is null"
    " and new.updated is null begin update listed set newest = '' where release = new.release; end",
    "listed_question": "after insert on questions begin"
    " update listed set questions = questions + 1 where release = new.release; end",
    "listed_no_question": "after delete on questions begin"
    " update listed set questions = questions - 1 where release = old.release; end",
}


def create_release_facets(db: Database) -> None:
    """The table, its two indexes for lists without words, and what fills it."""
    db.table("listed").create(
        FACET_COLUMNS,
        pk="release",
        not_null={"agency", "newest", "questions"},
        defaults={"questions": 0},
        foreign_keys=[("release", "releases", "id"), ("agency", "agencies", "slug")],
    )
    db.execute("create index idx_listed_newest on listed (newest, agency, kind, day, questions)")
    db.execute("create index idx_listed_agency on listed (agency, newest, kind, day, questions)")
    fill_release_facets(db)


def fill_release_facets(db: Database) -> None:
    """Every row and trigger anew."""
    db.execute("delete from listed")
    db.execute(INSERT_FACETS_SQL.format(which="true"))
    for name, trigger in FACET_TRIGGERS.items():
        db.execute(f"drop trigger if exists {name}")
        db.execute(f"create trigger {name} {trigger}")


def exclude_hidden_releases(db: Database) -> None:
    """What is hidden (archive.takedowns) is in no list from now on."""
    one = INSERT_FACETS_SQL.format(which="r.id = new.id and r.withheld is not 'hidden'")
    db.execute("drop trigger listed_changed")
    db.execute(
        "create trigger listed_changed after update of agency, kind, published, updated, moved_to, withheld on releases"
        f" begin delete from listed where release = new.id; {one}; end"
    )
