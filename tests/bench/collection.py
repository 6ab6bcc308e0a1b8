"""The archive of the search benchmark: the imported collection, and a copy of it with plain
FTS5.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from tests.bench.measure import children_cpu
from tests.harness.world.processes import run_archive
from tests.stored import ROOT as STORED

COLLECTION = STORED / "corpus" / "regeringen.jsonl.gz"
ABSENT = f"left out: there is no {COLLECTION} (name the folder that holds corpus/ with PAGES=)"
AGENCY = "regeringen"
TEXTS = ("title", "lead", "body")


def import_collection(archive: Path) -> float:
    """Import the collection into a new archive; return the CPU seconds."""
    begun = children_cpu()
    run_archive("import", COLLECTION, "--agency", AGENCY, "--archive", archive)
    return children_cpu() - begun


@contextmanager
def open_collection(archive: Path | None) -> Iterator[Path]:
    """Yield an archive, or one into which the collection is imported for the block."""
    with tempfile.TemporaryDirectory() as made:
        path = archive or Path(made) / "archive.db"
        if archive is None:
            import_collection(path)
        yield path


def copy_plain(archive: Path, plain: Path) -> None:
    """Copy only the releases, with the index of `sqlite-utils enable-fts`."""
    db = Database(plain)
    db.execute("attach ? as archive", [str(archive)])
    columns = [
        (name, kind) for _, name, kind, *_ in db.execute("pragma archive.table_info(releases)")
    ]
    names = ", ".join(f"[{name}]" for name, _ in columns)
    with db.conn:
        db.execute(
            f"create table releases ({', '.join(f'[{name}] {kind}' for name, kind in columns)},"
            f" primary key (id))"
        )
        db.execute(f"insert into releases ({names}) select {names} from archive.releases")
    db.execute("create index idx_releases_agency on releases (agency)")
    db.table("releases").enable_fts(TEXTS, fts_version="FTS5")
    db.close()
