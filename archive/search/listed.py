"""The table listed: one narrow row for each release that searches show, kept by triggers (SQL of a migration).

`newest` is the one order of every list of releases: when a release was published, else when its agency updated it,
else when a crawl found it. What was there before the archive looked (an agency's first whole crawl, an import) may be
of any age: without a date of its own it stands last, as "".
"""

from __future__ import annotations

from sqlite_utils import Database

COLUMNS = {"release": int, "agency": str, "kind": str, "day": str, "newest": str, "questions": int}

LIST = """
    insert into listed (release, agency, kind, day, newest, questions)
    select r.id, r.agency, r.kind, iif(length(r.published) = 7, r.published || '-01', substr(r.published, 1, 10)),
      coalesce(r.published, r.updated, iif(exists (select 1 from crawls c where c.agency = r.agency
        and c.spider = 'news' and c.reason = 'finished' and c.finished < r.first_seen) and not exists (
        select 1 from revisions v where v.release = r.id and v.cause = 'import'), r.first_seen, '')),
      (select count(*) from questions q where q.release = r.id)
    from releases r where {which} and r.moved_to is null"""
FACET_TRIGGERS = {
    "listed_new": f"after insert on releases begin {LIST.format(which='r.id = new.id')}; end",
    "listed_changed": "after update of agency, kind, published, updated, moved_to on releases begin"
    f" delete from listed where release = new.id; {LIST.format(which='r.id = new.id')}; end",
    "listed_gone": "after delete on releases begin delete from listed where release = old.id; end",
    # its release is written before the state that tells where it comes from
    "listed_import": "after insert on revisions when new.cause = 'import' and new.published is null"
    " and new.updated is null begin update listed set newest = '' where release = new.release; end",
    "listed_question": "after insert on questions begin"
    " update listed set questions = questions + 1 where release = new.release; end",
    "listed_no_question": "after delete on questions begin"
    " update listed set questions = questions - 1 where release = old.release; end",
}


def create_listed(db: Database) -> None:
    """The table, its two indexes for lists without words, and what fills it."""
    db.table("listed").create(
        COLUMNS,
        pk="release",
        not_null={"agency", "newest", "questions"},
        defaults={"questions": 0},
        foreign_keys=[("release", "releases", "id"), ("agency", "agencies", "slug")],
    )
    db.execute("create index idx_listed_newest on listed (newest, agency, kind, day, questions)")
    db.execute("create index idx_listed_agency on listed (agency, newest, kind, day, questions)")
    fill_listed(db)


def fill_listed(db: Database) -> None:
    """Every row and trigger anew."""
    db.execute("delete from listed")
    db.execute(LIST.format(which="true"))
    for name, trigger in FACET_TRIGGERS.items():
        db.execute(f"drop trigger if exists {name}")
        db.execute(f"create trigger {name} {trigger}")


def leave_out_hidden(db: Database) -> None:
    """What is hidden (archive.takedowns) is in no list from now on."""
    one = LIST.format(which="r.id = new.id and r.withheld is not 'hidden'")
    db.execute("drop trigger listed_changed")
    db.execute(
        "create trigger listed_changed after update of agency, kind, published, updated, moved_to, withheld on releases"
        f" begin delete from listed where release = new.id; {one}; end"
    )
