"""The table listed: one narrow row for each release that searches show, kept by triggers (SQL of a migration)."""

from __future__ import annotations

from sqlite_utils import Database

COLUMNS = {"release": int, "agency": str, "kind": str, "day": str, "newest": str, "questions": int}

LIST = """
    insert into listed (release, agency, kind, day, newest, questions)
    select r.id, r.agency, r.kind, iif(length(r.published) = 7, r.published || '-01', substr(r.published, 1, 10)),
      coalesce(r.published, r.updated, r.first_seen),
      (select count(*) from questions q where q.release = r.id)
    from releases r where {which} and r.moved_to is null"""
LISTED = (
    LIST.format(which="true"),
    f"create trigger listed_new after insert on releases begin {LIST.format(which='r.id = new.id')}; end",
    "create trigger listed_changed after update of agency, kind, published, updated, moved_to on releases begin"
    f" delete from listed where release = new.id; {LIST.format(which='r.id = new.id')}; end",
    "create trigger listed_gone after delete on releases begin delete from listed where release = old.id; end",
    "create trigger listed_question after insert on questions begin"
    " update listed set questions = questions + 1 where release = new.release; end",
    "create trigger listed_no_question after delete on questions begin"
    " update listed set questions = questions - 1 where release = old.release; end",
)


def create_listed(db: Database) -> None:
    """The table, its two indexes for lists without words, its triggers, and a row for each release there is."""
    db.table("listed").create(
        COLUMNS,
        pk="release",
        not_null={"agency", "newest", "questions"},
        defaults={"questions": 0},
        foreign_keys=[("release", "releases", "id"), ("agency", "agencies", "slug")],
    )
    db.execute("create index idx_listed_newest on listed (newest, agency, kind, day, questions)")
    db.execute("create index idx_listed_agency on listed (agency, newest, kind, day, questions)")
    for statement in LISTED:
        db.execute(statement)
