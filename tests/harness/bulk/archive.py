"""Creates an archive with many releases: those available, repeated at other URLs.

Searches find only the first ones.
"""

from __future__ import annotations

from pathlib import Path

from archive.database.models import PART_FIELDS, PART_TABLES, STATE_FIELDS
from archive.store.releases import Archive
from tests.archive.sample import fill
from tests.bench.collection import COLLECTION, import_collection

PARTS_OF = {name: tuple(dict.fromkeys(("position", *PART_FIELDS[name]))) for name in PART_TABLES}


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
    own = ", ".join(STATE_FIELDS)
    values = {"far": far, "held": held}
    archive.db.execute(
        f"insert into releases (id, agency, url, {own}, added, first_seen, last_checked, hash,"
        f" revision) select id + :far, agency, url || '#' || :far, {own},"
        f" added, first_seen, last_checked, hash, null"
        " from releases where id <= :held",
        values,
    )
    archive.db.execute(
        f"insert into revisions (release, seen, cause, {own}, hash, tags, {', '.join(PART_TABLES)})"
        f" select release + :far, seen, cause, {own}, hash, tags,"
        f" {', '.join(PART_TABLES)} from revisions"
        " where release <= :held",
        values,
    )
    archive.db.execute(
        "update releases set revision = (select max(id) from"
        " revisions where release ="
        " releases.id) where id > :far",
        values,
    )
    archive.db.execute(
        "insert into release_tags select"
        " release + :far, tag from"
        " release_tags where release <= :held",
        values,
    )
    archive.db.execute(  # as many rows as the index must have
        "insert into search (rowid, title) select id + :far, 'x' from releases where id <= :held",
        values,
    )
    for table, columns in PARTS_OF.items():
        named = ", ".join(columns)
        archive.db.execute(
            f"insert into {table} (release, {named}) select release + :far, {named} from {table}"
            " where release <= :held",
            values,
        )
