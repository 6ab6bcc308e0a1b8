"""THE SCHEMA, step by step: sqlite-utils migrations, applied in order, each once.

Every time is ISO 8601 text: a day alone where only the day is known, else with its offset. A foreign key is
named after what it points to, in the singular. Ids never change: they are the permalinks.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sqlite_utils import Database, Migrations

from archive.alerts import create_alerts
from archive.aside.tables import create_held_back
from archive.delta.tables import create_delta
from archive.errands import create_errands
from archive.first_tables import create_crawls, create_parts, create_releases
from archive.health.tables import create_health
from archive.hosts import create_hosts
from archive.ledger.tables import create_ledger
from archive.search.counted import count_edits_anew, create_counted
from archive.search.listed import create_listed, fill_listed
from archive.swedish.index import create_index, drop_index
from archive.takedowns.tables import create_takedowns
from archive.views import VIEWS
from archive.walks import create_walks
from archive.witness_tables import create_witness

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
    create_witness(db)


@migrations()
def listed(db: Database) -> None:
    """What searches filter, count and sort releases by, in rows of their own without the texts; kept by triggers."""
    create_listed(db)


@migrations()
def swedish_index(db: Database) -> None:
    """Search by Swedish and English lemmas in place of the words as written; filled when the archive is opened."""
    for trigger in ("releases_ai", "releases_ad", "releases_au"):
        db.execute(f"drop trigger {trigger}")
    db.execute("drop table releases_fts")
    create_index(db)


@migrations()
def views(db: Database) -> None:
    """Views that need no join: for spreadsheets, and for those who begin with SQL."""
    for name, sql in VIEWS.items():
        db.create_view(name, sql)


@migrations()
def undated_last(db: Database) -> None:
    """Releases without any date that were there before the archive looked stand last in lists, not first."""
    fill_listed(db)


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
    create_walks(db)
    create_alerts(db)


@migrations()
def hosts(db: Database) -> None:
    """What is remembered of hosts between crawls, and which agencies an operator has paused."""
    create_hosts(db)


@migrations()
def held_back(db: Database) -> None:
    """What was read and kept aside, and how many releases a source usually lists."""
    create_held_back(db)


@migrations()
def ledger(db: Database) -> None:
    """What sources list against what is held, and the gaps by name."""
    create_ledger(db)


@migrations()
def delta(db: Database) -> None:
    """A log of all that changes what the archive shows, for mirrors."""
    create_delta(db)


@migrations()
def frontier_turns(db: Database) -> None:
    """The next due releases of an agency are found without a look at those that are held."""
    db.table("frontier").create_index(["agency", "role", "state", "first_seen"])


@migrations()
def crew(db: Database) -> None:
    """Which agencies' rounds are out with workers on other machines."""
    create_errands(db)


@migrations()
def choices_in_index(db: Database) -> None:
    """Words and what releases are chosen by in one index; filled when the archive is opened."""
    drop_index(db)
    create_index(db)


@migrations()
def counted(db: Database) -> None:
    """What pages would otherwise have to count."""
    create_counted(db)


@migrations()
def sitemap_pieces(db: Database) -> None:
    """When a release of a piece of the sitemap last changed is found without a look at all revisions."""
    db.execute("create index idx_revisions_piece on revisions (release / 10000, seen)")


@migrations()
def edits_taken_out(db: Database) -> None:
    """An edit that is deleted, by hand, is counted no more."""
    count_edits_anew(db)


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
