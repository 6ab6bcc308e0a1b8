"""Every table, index, trigger and view; migrations; descriptions from metadata.json.

The table of what is held back, and how many releases a source usually lists.

The table delta and the triggers that write it (SQL of a migration).

metadata.json: what the archive's tables and columns mean, said once for the site and for slices.

The tables that every archive began with: releases and their states, what belongs to them, the crawl's memory.

The tables of health: what each crawl notes of it, what stands of each agency now, and how that changed.

The tables of the ledger: what sources list and the archive holds by month, and the gaps by name.

The tables of takedowns: the public log, and the marks on what is taken down (SQL of a migration).

Views that need no join, by name: releases with their tags, questions with their releases, edits.

The tables of what an edit rests on and what came of a release, and the older states' new hashes.

THE SCHEMA, step by step: sqlite-utils migrations, applied in order, each once.

Every time is ISO 8601 text: a day alone where only the day is known, else with its offset. A foreign key is
named after what it points to, in the singular. Ids never change: they are the permalinks.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from archive.aggregates import (
    create_count_tables,
    create_release_facets,
    exclude_hidden_releases,
    fill_release_facets,
    rebuild_edit_counts,
)
from archive.duplicates import NearDuplicates
from archive.models import LIST_FIELDS, STATE_FIELDS, hash_state, parse_state
from archive.search.index import create_search_index, drop_search_index


def create_quarantine(db: Database) -> None:
    """held_back, its indexes, and the column `usual` of frontier."""
    db.execute(
        "create table held_back (id integer primary key, agency text not null references agencies(slug),"
        " crawl integer references crawls(id), url text not null, release integer references releases(id),"
        " seen text not null, state text not null, capture integer references captures(id), reason text not null,"
        " decided text, decision text)"
    )
    db.execute("create index idx_held_back_agency on held_back (agency, decided, seen)")
    db.execute("create index idx_held_back_url on held_back (url)")
    # Datasette counts what points to a row whenever it shows one
    for column in ("crawl", "release", "capture"):
        db.execute(f"create index idx_held_back_{column} on held_back ({column}) where {column} is not null")
    db.execute("alter table frontier add column usual integer")
    db.execute("update frontier set usual = links where links is not null")


# no foreign keys: the log outlives what it names, and Datasette counts what points to a row whenever it shows one
CHANGEFEED_TABLE = (
    "create table delta (id integer primary key, release integer not null, change text not null, at text not null,"
    " revision integer, takedown integer)"
)
NOW_SQL = "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')"
INSERT_CHANGE_SQL = "insert into delta (release, change, at, revision, takedown) values"
IS_SHOWN_SQL = "new.withheld is not 'hidden'"  # of a hidden release nothing more is told until it is restored
CHANGEFEED_TRIGGERS = {
    "delta_state": "after insert on revisions when"
    " (select withheld from releases where id = new.release) is not 'hidden' begin"
    f" {INSERT_CHANGE_SQL} (new.release, iif(exists (select 1 from delta where release = new.release), 'changed', 'added'), {NOW_SQL},"
    " new.id, null); end",
    "delta_gone": f"after update of gone on releases when old.gone is not new.gone and {IS_SHOWN_SQL} begin"
    f" {INSERT_CHANGE_SQL} (new.id, iif(new.gone is null, 'returned', 'removed'), {NOW_SQL}, null, null); end",
    "delta_moved": "after update of url, moved_to on releases when (old.url is not new.url or old.moved_to is not"
    f" new.moved_to) and {IS_SHOWN_SQL} begin {INSERT_CHANGE_SQL} (new.id, 'moved', {NOW_SQL}, null, null); end",
    "delta_takedown": "after insert on takedowns begin"
    f" {INSERT_CHANGE_SQL} (new.release, iif(new.kind = 'hide', 'hidden', 'redacted'), {NOW_SQL}, null, new.id); end",
    "delta_lifted": "after update of lifted on takedowns when old.lifted is null and new.lifted is not null begin"
    f" {INSERT_CHANGE_SQL} (new.release, 'restored', {NOW_SQL}, null, new.id); end",
    "delta_deleted": f"after delete on releases begin {INSERT_CHANGE_SQL} (old.id, 'deleted', {NOW_SQL}, null, null); end",
    # a number that was read stands for what it stood for, and is never given again
    "delta_stays": "before delete on delta begin select raise(abort, 'delta: the log only grows'); end",
    "delta_stands": "before update on delta begin select raise(abort, 'delta: the log only grows'); end",
}
# what was there before the log was kept, by the times that the archive noted then
BACKFILL_CHANGEFEED_SQL = """
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


def create_changefeed(db: Database) -> None:
    """The log, with what is known of the time before it, its index, and what writes it from now on."""
    db.execute(CHANGEFEED_TABLE)
    db.execute(BACKFILL_CHANGEFEED_SQL)
    db.execute("create index idx_delta_release on delta (release)")
    for name, trigger in CHANGEFEED_TRIGGERS.items():
        db.execute(f"create trigger {name} {trigger}")


METADATA_PATHS = (  # at the project's top; a wheel puts it among the environment's shared data
    Path(__file__).parents[1] / "metadata.json",
    Path(sys.prefix) / "share" / "myndighetsarkivet" / "metadata.json",
)


def find_metadata() -> Path:
    """Where it is."""
    return next(path for path in METADATA_PATHS if path.is_file())


def read_metadata() -> dict[str, Any]:
    """All of it: title, description, license, source; the tables by name under databases.archive.tables."""
    return dict(json.loads(find_metadata().read_text("utf-8")))


def create_releases(db: Database) -> None:
    """Agencies, their releases, and each state that a release ever stood in."""
    db.table("agencies").create(
        {"slug": str, "name": str, "name_en": str, "org_number": str, "home": str}, pk="slug", not_null={"name", "home"}
    )
    db.table("releases").create(
        {
            **{"id": int, "agency": str, "url": str, **STATE_FIELDS, "first_seen": str, "last_checked": str},
            **{"revision": int, "hash": str},
        },
        pk="id",
        not_null={"agency", "url", "title", "body", "body_html", "first_seen", "last_checked", "hash"},
        foreign_keys=[("agency", "agencies", "slug")],
    )
    db.table("releases").create_index(["url"], unique=True)
    db.table("releases").create_index(["agency", "published"])
    db.table("releases").create_index(["first_seen"])
    # the order of every list of releases; without it the newest twenty read the whole table
    db.execute(
        "create index idx_releases_newest on releases (coalesce(published, updated, first_seen), agency, published)"
    )
    db.table("revisions").create(
        {
            **{"id": int, "release": int, "seen": str, "cause": str, "dated": int, "weight": int, "summary": str},
            **{**STATE_FIELDS, **columns(str, "tags questions images attachments hash")},
        },
        pk="id",
        not_null={"release", "seen", "cause", "title", "body", "body_html", "hash"},
        foreign_keys=[("release", "releases", "id")],
    )
    db.table("revisions").create_index(["release", "seen"])
    db.table("releases").add_foreign_key("revision", "revisions", "id")


def create_parts(db: Database) -> None:
    """What stands in a release: questions, tags, images, attachments."""
    db.table("questions").create(
        {"id": int, "release": int, "position": int, "question": str, "answer": str, "answered_by": str},
        pk="id",
        not_null={"release", "position", "question", "answer"},
        foreign_keys=[("release", "releases", "id")],
    )
    db.table("questions").create_index(["release", "position"], unique=True)
    db.table("tags").create({"id": int, "name": str}, pk="id", not_null={"name"})
    db.table("tags").create_index(["name"], unique=True)
    db.table("release_tags").create(
        {"release": int, "tag": int},
        pk=("release", "tag"),
        foreign_keys=[("release", "releases", "id"), ("tag", "tags", "id")],
    )
    db.table("release_tags").create_index(["tag"])
    for name, told in (("images", "url caption credit alt"), ("attachments", "url title media_type")):
        db.table(name).create(
            {**columns(int, "id release position"), **columns(str, told)},
            pk="id",
            not_null={"release", "position", "url"},
            foreign_keys=[("release", "releases", "id")],
        )
        db.table(name).create_index(["release", "position"], unique=True)


def create_crawls(db: Database) -> None:
    """What came of each crawl, and the crawl's memory: every address it knows."""
    db.table("crawls").create(
        {
            "id": int,
            **columns(str, "agency spider started finished reason"),
            **columns(int, "listed new revised unchanged refused errors requests bytes"),
            "problems": str,
        },
        pk="id",
        not_null={"agency", "spider", "started"},
        foreign_keys=[("agency", "agencies", "slug")],
    )
    db.table("crawls").create_index(["agency", "started"])
    db.table("frontier").create(
        {
            **columns(str, "url agency role state first_seen source listed"),
            "links": int,
            **columns(str, "fetched next_due"),
            "tries": int,
            **columns(str, "etag last_modified"),
            "release": int,
            "problem": str,
        },
        pk="url",
        not_null={"agency", "role", "state", "first_seen", "tries"},
        defaults={"tries": 0},
        foreign_keys=[("agency", "agencies", "slug"), ("release", "releases", "id")],
    )
    db.table("frontier").create_index(["agency", "role", "state", "next_due"])
    db.table("frontier").create_index(["source", "first_seen"])
    db.table("frontier").create_index(["release"])


def columns(kind: type, names: str) -> dict[str, type]:
    """Columns of one type, by their names.

    >>> columns(int, "checks status")
    {'checks': <class 'int'>, 'status': <class 'int'>}
    """
    return dict.fromkeys(names.split(), kind)


HEALTH_COLUMNS = (  # of each crawl, by scraper.health
    "read integer",
    "fills text",
    "faults text",
    "delay float",
    "robots text",
    "held_back integer",
)


def create_health(db: Database) -> None:
    """The columns of crawls that health is judged by, and the judgement's own tables."""
    # by SQL: sqlite-utils makes a foreign key by copying the table, which costs it its triggers
    for column in HEALTH_COLUMNS:
        db.execute(f"alter table crawls add column {column}")
    db.execute(
        "create table health (agency text primary key references agencies(slug), state text not null,"
        " since text not null, reason text not null, newest text, usual_gap float, expected text,"
        " judged text not null, acknowledged text, facts text not null)"
    )
    db.execute(
        "create table health_events (id integer primary key, agency text not null references agencies(slug),"
        " at text not null, state text not null, previous text, reason text not null)"
    )
    db.execute("create index idx_health_events_agency on health_events (agency, at)")
    db.execute("create index idx_crawls_read on crawls (agency, started) where read > 0")


def create_coverage(db: Database) -> None:
    """ledger and gaps; a gap is filled by the very transaction that keeps its release."""
    db.execute(
        "create table ledger (id integer primary key, agency text not null references agencies(slug), month text,"
        " source text, kind text, listed integer not null, held integer not null, refused integer not null,"
        " missing integer not null, delisted integer, whole integer not null, problem text, checked text not null)"
    )
    db.execute("create index idx_ledger_agency on ledger (agency, source, month)")
    db.execute("create index idx_ledger_all on ledger (agency) where source is null")
    db.execute(
        "create table gaps (url text primary key, agency text not null references agencies(slug), source text not null,"
        " month text, listed text, state text not null, first_missed text not null, last_missed text not null,"
        " filled text)"
    )
    db.execute("create index idx_gaps_agency on gaps (agency, state, first_missed)")
    db.execute(
        """
        create trigger gaps_filled after update of release on frontier
        when new.release is not null and old.release is null begin
          update gaps set state = 'filled', filled = new.fetched where url = new.url and filled is null;
        end
        """
    )


def create_takedowns(db: Database) -> None:
    """The log; which releases and revisions it covers; and a hidden release leaves every list."""
    db.execute(
        "create table takedowns (id integer primary key, release integer not null references releases(id),"
        " kind text not null, reason text not null, reason_en text, at text not null, lifted text, lifted_reason text)"
    )
    db.execute("create index idx_takedowns_release on takedowns (release)")
    # by SQL: sqlite-utils makes a foreign key by copying the table, which costs it its triggers
    db.execute("alter table releases add column withheld text")
    db.execute("create index idx_releases_withheld on releases (withheld) where withheld is not null")
    db.execute("alter table revisions add column withheld integer references takedowns(id)")
    db.execute("create index idx_revisions_withheld on revisions (withheld) where withheld is not null")
    exclude_hidden_releases(db)


VIEWS = {
    "releases_with_tags": """
        select r.id, r.agency, a.name as agency_name, r.kind, r.title, r.lead, r.body, r.published, r.updated,
          r.language, r.first_seen, r.gone, r.url,
          (select group_concat(name, '; ') from (select t.name from release_tags rt join tags t on t.id = rt.tag
            where rt.release = r.id order by rt.rowid)) as tags,
          (select count(*) from questions q where q.release = r.id) as questions,
          (select count(*) from revisions v where v.release = r.id and v.cause = 'source' and v.previous is not null)
            as edits
        from releases r join agencies a on a.slug = r.agency where r.moved_to is null
    """,
    "questions_with_releases": """
        select q.id, q.question, q.answer, q.answered_by, q.release, q.position, r.title, r.agency,
          a.name as agency_name, r.published, r.url, '/archive/releases/' || r.id || '#question-' || q.position as link
        from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
        where r.moved_to is null
    """,
    "edits": """
        select v.id as revision, v.previous, v.release, v.seen, r.agency, a.name as agency_name, v.title, v.weight,
          1 - v.dated as undated, v.summary, v.summary_en, v.changes, r.url,
          '/-/diff/' || v.previous || '/' || v.id as link
        from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
        where v.cause = 'source' and v.previous is not null
    """,
}


def create_evidence(db: Database) -> None:
    """What an edit rests on and what came of a release: captures, checks, removals, joint texts, manifests."""
    db.table("captures").create(
        {"id": int, "url": str, "seen": str, "status": int, "headers": str, "sha256": str, "bytes": int},
        pk="id",
        not_null={"url", "seen", "status", "headers", "sha256", "bytes"},
    )
    db.table("captures").create_index(["sha256"])
    # by SQL: sqlite-utils makes a foreign key by copying the table, which costs it its triggers
    for column in (
        "capture integer references captures(id)",
        "previous integer references revisions(id)",
        "same_as integer references revisions(id)",
        "reader text",
        "summary_en text",
        "changes text",
        "last_seen text",
        "checks integer not null default 0",
    ):
        db.execute(f"alter table revisions add column {column}")
    for column in (
        "checks integer not null default 0",
        "next_check text",
        "gone text",
        "moved_to integer references releases(id)",
        "capture integer references captures(id)",
    ):
        db.execute(f"alter table releases add column {column}")
    for name in ("reread", "away", "not_modified"):
        db.execute(f"alter table crawls add column {name} integer")
    db.execute(
        "update revisions set previous = (select max(id) from revisions earlier"
        " where earlier.release = revisions.release and earlier.id < revisions.id)"
    )
    db.table("revisions").create_index(["cause", "seen", "weight", "dated", "release", "previous"])
    db.table("releases").create_index(["agency", "next_check"])
    db.table("removals").create(
        {
            "id": int,
            "release": int,
            "kind": str,
            "target": str,
            **dict.fromkeys(("first_seen", "last_seen", "confirmed", "ended"), str),
            **dict.fromkeys(("checks", "status", "moved_to", "capture"), int),
        },
        pk="id",
        not_null={"release", "kind", "first_seen", "last_seen", "checks"},
        foreign_keys=[("release", "releases", "id"), ("moved_to", "releases", "id"), ("capture", "captures", "id")],
    )
    db.table("removals").create_index(["release"])
    db.table("removals").create_index(["confirmed"])
    db.execute(
        "create table joint_bands (band integer not null, value integer not null, release integer not null,"
        " primary key (band, value, release)) without rowid"
    )
    db.execute(
        "create table joint_texts (release integer not null references releases(id), other integer not null"
        " references releases(id), similarity float not null, primary key (release, other)) without rowid"
    )
    db.execute("create index idx_joint_texts_other on joint_texts (other)")
    # Datasette counts what points to a row whenever it shows one
    for table, column in (
        *(("revisions", name) for name in ("capture", "previous", "same_as")),
        *(("removals", name) for name in ("capture", "moved_to")),
        *(("releases", name) for name in ("capture", "moved_to")),
    ):
        db.execute(f"create index idx_{table}_{column} on {table} ({column}) where {column} is not null")
    rehash_states(db)
    NearDuplicates(db).reindex_all()  # so that what was kept before finds its copies at other agencies
    db.table("manifests").create(
        {"day": str, "previous": str, "captures_to": int, "revisions_to": int, "digest": str},
        pk="day",
        not_null={"captures_to", "revisions_to", "digest"},
    )


def rehash_states(db: Database) -> None:
    """Give every state the hash that archive.state gives it now."""
    names = ("id", *STATE_FIELDS, *LIST_FIELDS)
    for row in db.execute(f"select {', '.join(names)} from revisions").fetchall():
        held = dict(zip(names, row, strict=True))
        db.execute("update revisions set hash = ? where id = ?", [hash_state(parse_state(held)), held["id"]])
    db.execute("update releases set hash = (select hash from revisions where id = releases.revision)")


migrations = Migrations("myndighetsarkivet")


@migrations()
def first_tables(db: Database) -> None:
    """Agencies, releases with all that belongs to them, their revisions, and the crawl's memory."""
    create_releases(db)
    create_parts(db)
    create_crawls(db)


@migrations()
def search_index(db: Database) -> None:
    """Full text over title, lead and body, kept by triggers; å, ä and ö stay letters of their own."""
    db.table("releases").enable_fts(
        ["title", "lead", "body"], fts_version="FTS5", tokenize="unicode61 remove_diacritics 0", create_triggers=True
    )
    # sqlite-utils' own trigger indexes the text anew whenever a release is merely checked
    db.execute('drop trigger "releases_au"')
    db.execute(
        """
        create trigger "releases_au" after update of title, lead, body on releases begin
          insert into releases_fts (releases_fts, rowid, title, lead, body)
            values ('delete', old.rowid, old.title, old.lead, old.body);
          insert into releases_fts (rowid, title, lead, body) values (new.rowid, new.title, new.lead, new.body);
        end
        """
    )


@migrations()
def contacts(db: Database) -> None:
    """Whom a release names for questions. NULL in an older revision: not read then."""
    db.table("contacts").create(
        {"id": int, "release": int, "position": int, "name": str, "role": str, "phone": str, "email": str},
        pk="id",
        not_null={"release", "position"},
        foreign_keys=[("release", "releases", "id")],
    )
    db.table("contacts").create_index(["release", "position"], unique=True)
    db.execute("alter table revisions add column contacts text")


@migrations()
def witness(db: Database) -> None:
    """What an edit rests on and what came of a release: captures, checks, removals, joint texts, manifests."""
    create_evidence(db)


@migrations()
def listed(db: Database) -> None:
    """What searches filter, count and sort releases by, in rows of their own without the texts; kept by triggers."""
    create_release_facets(db)


@migrations()
def swedish_index(db: Database) -> None:
    """Search by Swedish and English lemmas in place of the words as written; filled when the archive is opened."""
    for trigger in ("releases_ai", "releases_ad", "releases_au"):
        db.execute(f"drop trigger {trigger}")
    db.execute("drop table releases_fts")
    create_search_index(db)


@migrations()
def views(db: Database) -> None:
    """Views that need no join: for spreadsheets, and for those who begin with SQL."""
    for name, sql in VIEWS.items():
        db.create_view(name, sql)


@migrations()
def undated_last(db: Database) -> None:
    """Releases without any date that were there before the archive looked stand last in lists, not first."""
    fill_release_facets(db)


@migrations()
def health(db: Database) -> None:
    """How each agency fares, and what a crawl notes for that."""
    create_health(db)


@migrations()
def takedowns(db: Database) -> None:
    """What is hidden or redacted, since when and why."""
    create_takedowns(db)


@migrations()
def operation(db: Database) -> None:
    """Where long walks through listings were broken off, and which of the events of health operators were told."""
    create_pagination_cursors(db)
    create_alerts(db)


@migrations()
def hosts(db: Database) -> None:
    """What is remembered of hosts between crawls, and which agencies an operator has paused."""
    create_hosts(db)


@migrations()
def held_back(db: Database) -> None:
    """What was read and kept aside, and how many releases a source usually lists."""
    create_quarantine(db)


@migrations()
def ledger(db: Database) -> None:
    """What sources list against what is held, and the gaps by name."""
    create_coverage(db)


@migrations()
def delta(db: Database) -> None:
    """A log of all that changes what the archive shows, for mirrors."""
    create_changefeed(db)


@migrations()
def frontier_turns(db: Database) -> None:
    """The next due releases of an agency are found without a look at those that are held."""
    db.table("frontier").create_index(["agency", "role", "state", "first_seen"])


@migrations()
def crew(db: Database) -> None:
    """Which agencies' rounds are out with workers on other machines."""
    create_jobs(db)


@migrations()
def choices_in_index(db: Database) -> None:
    """Words and what releases are chosen by in one index; filled when the archive is opened."""
    drop_search_index(db)
    create_search_index(db)


@migrations()
def counted(db: Database) -> None:
    """What pages would otherwise have to count."""
    create_count_tables(db)


@migrations()
def sitemap_pieces(db: Database) -> None:
    """When a release of a piece of the sitemap last changed is found without a look at all revisions."""
    db.execute("create index idx_revisions_piece on revisions (release / 10000, seen)")


@migrations()
def edits_taken_out(db: Database) -> None:
    """An edit that is deleted, by hand, is counted no more."""
    rebuild_edit_counts(db)


@migrations()
def source_faults(db: Database) -> None:
    """Each crawl notes which of its faults befell sources, apart from those of pages."""
    db.execute("alter table crawls add column source_faults text")


def migrate(db: Database, path: Path) -> None:
    """Bring an archive to the newest schema; of several processes that open it at once, one after the other."""
    if not migrations.pending(db):
        return
    folder = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # ends with the process, however it ends
        migrations.apply(db)
    finally:
        os.close(folder)


def create_alerts(db: Database) -> None:
    """The table."""
    db.execute(
        "create table alerts (event integer not null references health_events(id), channel text not null, sent text,"
        " primary key (event, channel)) without rowid"
    )


def create_jobs(db: Database) -> None:
    """The table."""
    db.execute(
        "create table errands (agency text primary key references agencies(slug), token integer not null,"
        " begun text not null, ended text, applied integer not null, crawl integer references crawls(id), tally text)"
    )
    db.execute("create index idx_errands_crawl on errands (crawl)")


def create_hosts(db: Database) -> None:
    """The table, and whether an operator has paused an agency."""
    db.execute(
        "create table hosts (host text primary key, robots text, robots_since text, robots_seen text,"
        " robots_text text, paused_until text, pause_reason text, pauses integer not null default 0)"
    )
    db.execute("alter table agencies add column paused text")


def create_pagination_cursors(db: Database) -> None:
    """The table."""
    db.execute(
        "create table walks (listing text primary key, agency text not null references agencies(slug),"
        " following text not null, page integer not null, cut text not null)"
    )
    db.execute("create index idx_walks_agency on walks (agency)")
