"""The table delta and the triggers that write it (SQL of a migration)."""

from __future__ import annotations

from sqlite_utils import Database

# no foreign keys: the log outlives what it names, and Datasette counts what points to a row whenever it shows one
TABLE = (
    "create table delta (id integer primary key, release integer not null, change text not null, at text not null,"
    " revision integer, takedown integer)"
)
NOW = "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')"
INSERT = "insert into delta (release, change, at, revision, takedown) values"
SHOWN = "new.withheld is not 'hidden'"  # of a hidden release nothing more is told until it is restored
TRIGGERS = {
    "delta_state": "after insert on revisions when"
    " (select withheld from releases where id = new.release) is not 'hidden' begin"
    f" {INSERT} (new.release, iif(exists (select 1 from delta where release = new.release), 'changed', 'added'), {NOW},"
    " new.id, null); end",
    "delta_gone": f"after update of gone on releases when old.gone is not new.gone and {SHOWN} begin"
    f" {INSERT} (new.id, iif(new.gone is null, 'returned', 'removed'), {NOW}, null, null); end",
    "delta_moved": "after update of url, moved_to on releases when (old.url is not new.url or old.moved_to is not"
    f" new.moved_to) and {SHOWN} begin {INSERT} (new.id, 'moved', {NOW}, null, null); end",
    "delta_takedown": "after insert on takedowns begin"
    f" {INSERT} (new.release, iif(new.kind = 'hide', 'hidden', 'redacted'), {NOW}, null, new.id); end",
    "delta_lifted": "after update of lifted on takedowns when old.lifted is null and new.lifted is not null begin"
    f" {INSERT} (new.release, 'restored', {NOW}, null, new.id); end",
    "delta_deleted": f"after delete on releases begin {INSERT} (old.id, 'deleted', {NOW}, null, null); end",
    # a number that was read stands for what it stood for, and is never given again
    "delta_stays": "before delete on delta begin select raise(abort, 'delta: the log only grows'); end",
    "delta_stands": "before update on delta begin select raise(abort, 'delta: the log only grows'); end",
}
# what was there before the log was kept, by the times that the archive noted then
BEFORE = """
    insert into delta (release, change, at, revision, takedown)
    select release, change, at, revision, takedown from (
      select release, iif(row_number() over (partition by release order by id) = 1, 'added', 'changed') as change,
        seen as at, id as revision, null as takedown, 1 as place from revisions
      union all select release, iif(kind = 'moved', 'moved', 'removed'), confirmed, null, null, 2 from removals
        where confirmed is not null
      union all select release, 'returned', ended, null, null, 3 from removals
        where confirmed is not null and ended is not null
      union all select release, iif(kind = 'hide', 'hidden', 'redacted'), at, null, id, 4 from takedowns
      union all select release, 'restored', lifted, null, id, 5 from takedowns where lifted is not null
    ) order by at, place, revision, takedown, release
"""


def create_delta(db: Database) -> None:
    """The log, with what is known of the time before it, its index, and what writes it from now on."""
    db.execute(TABLE)
    db.execute(BEFORE)
    db.execute("create index idx_delta_release on delta (release)")
    for name, trigger in TRIGGERS.items():
        db.execute(f"create trigger {name} {trigger}")
