"""The archive of the search benchmark: the imported collection, and a copy of it with plain
FTS5.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlite_utils import Database

from tests.bench.measure import children_cpu
from tests.scraper.crawling import ROOT
from tests.stored import ROOT as STORED

COLLECTION = STORED / "corpus" / "regeringen.jsonl.gz"
AGENCY = "regeringen"
TEXTS = ("title", "lead", "body")


def import_collection(archive: Path) -> float:
    """Import the collection into a new archive; return the CPU seconds.

    Raises SystemExit if lines cannot be read.
    """
    command = [
        sys.executable,
        "-m",
        "archive",
        "import",
        str(COLLECTION),
        "--agency",
        AGENCY,
        "--archive",
        str(archive),
    ]
    return children_cpu(
        lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode
    )


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
