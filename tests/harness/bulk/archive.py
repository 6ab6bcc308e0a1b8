"""Creates an archive with many releases: those available, repeated at other URLs.

Searches find only the first ones.
"""

from __future__ import annotations

from pathlib import Path

from archive.database.models import PART_FIELDS, PART_TABLES, STATE_FIELDS
from archive.store.releases import Archive
from tests.archive.sample import fill
from tests.bench.collection import COLLECTION, import_collection


def build(path: Path, number: int) -> Path:
    """Create an archive with at least `number` releases; read-only measurements need no more."""
    if COLLECTION.is_file():
        import_collection(path)
    else:
        fill(path)
    with Archive(path) as archive:
        held = archive.db.execute("select max(id) from releases").fetchone()[0]
        for turn in range(1, -(-number // held)):
            with archive.transaction():
                repeat(archive, turn * held, held)
        archive.db.execute("pragma wal_checkpoint(truncate)")
    return path


def repeat(archive: Archive, far: int, held: int) -> None:
    """Insert the first releases again, with their parts and with ids increased by `far`."""
    own, parts = ", ".join(STATE_FIELDS), ", ".join(PART_TABLES)
    statements = [
        f"insert into releases (id, agency, url, {own}, added, first_seen, last_checked,"
        " hash, revision)"
        f" select id + :far, agency, url || '#' || :far, {own}, added, first_seen,"
        f" last_checked, hash, null"
        " from releases where id <= :held",
        f"insert into revisions (release, seen, cause, {own}, hash, tags, {parts})"
        f" select release + :far, seen, cause, {own}, hash, tags, {parts} from revisions"
        " where release <= :held",
        "update releases set revision ="
        " (select max(id) from revisions where release = releases.id) where id > :far",
        "insert into release_tags"
        " select release + :far, tag from release_tags where release <= :held",
        # as many rows as the index must have
        "insert into search (rowid, title) select id + :far, 'x' from releases where id <= :held",
    ]
    for table in PART_TABLES:
        columns = ", ".join(dict.fromkeys(("position", *PART_FIELDS[table])))
        statements.append(
            f"insert into {table} (release, {columns})"
            f" select release + :far, {columns} from {table} where release <= :held"
        )
    for statement in statements:
        archive.db.execute(statement, {"far": far, "held": held})
