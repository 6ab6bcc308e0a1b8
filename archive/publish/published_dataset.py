"""The published dataset: everything that the archive shows, in a folder that the site serves.

    FOLDER/2026-03-02T034301/   a dataset (datasets.py), with SQLite, WACZ, Croissant and DCAT-AP;
                                never changed

A publication gets its name once it is complete, and replaces the previous one. The site serves the
newest publication (archive/views/data.py). A takedown withholds each publication that was started
before the takedown: the publication's files stay in the folder, but nobody can download them. The
next publication replaces them.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from archive.database.captures import Captures, compute_file_sha256, find_captures_problem
from archive.database.sqlite_files import (
    UNFINISHED_SUFFIX,
    ArchiveError,
    ProgressCallback,
    check_database,
    create_target_folder,
    unfinished_folder,
)
from archive.evidence.wacz import export_wacz
from archive.publish.catalogue import (
    CHECKSUMS_FILE,
    CROISSANT_FILE,
    DCAT_FILE,
    PACKAGE_FILE,
    PublishedFile,
    build_croissant,
    build_dcat,
    list_resource_files,
)
from archive.publish.dataset_files import format_date, import_pyarrow
from archive.publish.datasets import format_checksums, write_dataset
from archive.times import FOLDER_NAME, FOLDER_NAME_FORMAT, to_iso

PUBLISHED_FOLDER = "published"  # beside the archive, unless another folder is named
SQLITE_FILE, WACZ_FILE = "myndighetsarkivet.sqlite", "captures.wacz"
# of a column in datapackage.json; all others are texts
SQLITE_TYPES = {"integer": "integer", "number": "real"}
SQLITE_BATCH_ROWS = 1_000
# free space that is needed at first, as a multiple of the archive's files, and later of the
# previous publication
FIRST_SIZE_FACTOR, NEXT_SIZE_FACTOR = 3.0, 1.2
# a takedown may have the number of an earlier one if the archive was restored from a backup
WITHHOLDING_SQL = """
    select min(at) as at from takedowns where lifted is null and (id > coalesce(:newest_takedown, 0)
      or at > :started)
"""
WACZ_READER = "<https://replayweb.page> shows it"
EXTRA_SECTION = f"""
## Further files

| file | contents |
| --- | --- |
| `{SQLITE_FILE}` | all tables of `data/` as one SQLite database, with keys and indexes |
| `{WACZ_FILE}` | the pages as the agencies' servers sent them, \
as a web archive ({WACZ_READER}), if it has any |
| `{CROISSANT_FILE}`, `{DCAT_FILE}` | descriptions for machines: \
Croissant, and DCAT-AP for data portals |

`{WACZ_FILE}` is written after the tables, and may have pages that were read in between.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    folder: Path
    files: Mapping[str, PublishedFile]  # by path
    package: Mapping[str, Any]  # datapackage.json

    @property
    def started(self) -> datetime:
        """Return when the publication was started, according to the name of its folder."""
        return datetime.strptime(self.folder.name, FOLDER_NAME_FORMAT).replace(tzinfo=UTC)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())

    @property
    def withholding_values(self) -> dict[str, Any]:
        return {
            "newest_takedown": self.package["archive"]["newest_takedown"],
            "started": to_iso(self.started),
        }


def find_published_folder(archive: Path, *, is_snapshot: bool) -> Path:
    """Return the folder of publications, which is beside the archive or, if a snapshot is served,
    beside the snapshots.
    """
    return (archive.parent.parent if is_snapshot else archive.parent) / PUBLISHED_FOLDER


def find_publication(folder: Path) -> Publication | None:
    """Return the newest publication in a folder, or None if there is none."""
    while folders := _list_publications(folder):
        try:
            return _read_publication(folders[-1])
        except FileNotFoundError:
            if folders[-1].is_dir():
                raise
            # deleted meanwhile, because there is a newer one
    return None


def _list_publications(folder: Path) -> list[Path]:
    """Return the folders of all publications, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if FOLDER_NAME.fullmatch(path.name) and path.is_dir()
    )


@lru_cache(maxsize=2)  # a publication is never changed
def _read_publication(folder: Path) -> Publication:
    """Return a publication with its files: SHA256SUMS, and the files that SHA256SUMS lists."""
    hashes = {
        **read_checksums(folder),
        CHECKSUMS_FILE: compute_file_sha256(folder / CHECKSUMS_FILE),
    }
    files = {
        path: PublishedFile(path=path, size=(folder / path).stat().st_size, sha256=sha256)
        for path, sha256 in hashes.items()
    }
    return Publication(
        folder=folder, files=files, package=json.loads((folder / PACKAGE_FILE).read_text("utf-8"))
    )


def read_checksums(folder: Path) -> dict[str, str]:
    """Return a map from path to hash of the files listed in a dataset's SHA256SUMS."""
    lines = (folder / CHECKSUMS_FILE).read_text("utf-8").splitlines()
    return {path: sha256 for sha256, _, path in (line.partition("  ") for line in lines)}


def publish(
    archive: Path,
    folder: Path,
    *,
    moment: datetime,
    site: str | None = None,
    progress: ProgressCallback = lambda *_: None,
    processes: int = 0,
) -> tuple[Publication | None, list[ArchiveError]]:
    """Publish everything that an archive shows, and delete earlier publications.

    Returns the publication (None if the archive has no releases), and an error for each capture
    that cannot be read. Raises ArchiveError, and publishes nothing, if the archive cannot be read
    or there is too little space. If a call is interrupted, the earlier publication stays in place,
    and the next call starts from the beginning.

    site: the archive's public URL.
    processes: the number of threads that compress captures. If it is 0, the calling thread
        compresses them.
    """
    check_database(archive)
    create_target_folder(folder)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for another process
        for path in folder.glob(f"*{UNFINISHED_SUFFIX}"):
            shutil.rmtree(path)
        _check_free_space(archive, folder)
        earlier = _list_publications(folder)
        while earlier and f"{moment:{FOLDER_NAME_FORMAT}}" <= earlier[-1].name:
            moment += timedelta(seconds=1)  # names always increase
        target = folder / f"{moment:{FOLDER_NAME_FORMAT}}"
        with unfinished_folder(target) as unfinished:
            content = unfinished / "dataset"
            if not write_dataset(archive, "", content, site=site, progress=progress).fingerprint:
                return None, []
            findings = _write_further_files(
                archive, content, moment, site, progress, processes=processes
            )
            content.rename(target)
        for path in earlier:
            shutil.rmtree(path)
    return _read_publication(target), findings


def _check_free_space(archive: Path, folder: Path) -> None:
    """Raise ArchiveError if there is probably too little space for another publication."""
    previous = find_publication(folder)
    if previous:
        needed = previous.size * NEXT_SIZE_FACTOR
    else:
        sources = [path for path in (archive, Captures.path_beside(archive)) if path.is_file()]
        needed = sum(path.stat().st_size for path in sources) * FIRST_SIZE_FACTOR
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ArchiveError(
            folder, f"needs about {needed / 1e6:,.0f} MB, but only {free / 1e6:,.0f} MB are free"
        )


def _write_further_files(
    archive: Path,
    folder: Path,
    started: datetime,
    site: str | None,
    progress: ProgressCallback,
    *,
    processes: int,
) -> list[ArchiveError]:
    """Add the SQLite file, the WACZ file and the machine-readable descriptions to a dataset.

    Returns an error for each capture that cannot be read.
    """
    package = json.loads((folder / PACKAGE_FILE).read_text("utf-8"))
    _write_sqlite(folder, package)
    with closing(sqlite3.connect(folder / SQLITE_FILE)) as db:
        package["temporal"] = db.execute(
            "select min(published), max(published) from releases"
        ).fetchone()
    problem = find_captures_problem(archive)
    findings = [problem] if problem else []
    if not problem and Captures.path_beside(archive).is_file():
        created = f"{started:%Y-%m-%dT%H:%M:%SZ}"
        export = export_wacz(
            archive,
            folder / WACZ_FILE,
            package["title"],
            created,
            progress,
            processes=processes,
        )
        findings += export.findings
        if not export.responses:
            (folder / WACZ_FILE).unlink()
    with (folder / "README.md").open("a", encoding="utf-8", newline="\n") as readme:
        readme.write(EXTRA_SECTION)
    hashes = read_checksums(folder)
    changed = (folder / name for name in (SQLITE_FILE, WACZ_FILE, "README.md"))
    hashes |= {path.name: compute_file_sha256(path) for path in changed if path.is_file()}
    files = [
        PublishedFile(path=path, size=(folder / path).stat().st_size, sha256=sha256)
        for path, sha256 in hashes.items()
    ]
    for name, describe in ((CROISSANT_FILE, build_croissant), (DCAT_FILE, build_dcat)):
        text = json.dumps(describe(package, files, started, site), ensure_ascii=False, indent=1)
        (folder / name).write_text(f"{text}\n", "utf-8", newline="\n")
        hashes[name] = compute_file_sha256(folder / name)
    (folder / CHECKSUMS_FILE).write_text(format_checksums(hashes), "utf-8", newline="\n")
    return findings


def _write_sqlite(folder: Path, package: Mapping[str, Any]) -> None:
    """Write the tables of a dataset, with their keys, to an SQLite database.

    The rows are read from the Parquet files.
    """
    arrow = import_pyarrow(folder)
    with closing(sqlite3.connect(folder / SQLITE_FILE, isolation_level=None)) as db:
        db.execute("pragma journal_mode = off")  # an interrupted publication is deleted
        db.execute("pragma synchronous = off")
        db.execute("begin")
        for resource in package["resources"]:
            columns = [each["name"] for each in resource["schema"]["fields"]]
            db.execute(_build_table_sql(resource))
            insert = f'insert into "{resource["name"]}" values ({", ".join("?" * len(columns))})'
            path = folder / next(
                each["path"]
                for each in list_resource_files(resource)
                if each["format"] == "parquet"
            )
            with arrow.parquet.ParquetFile(path, pre_buffer=False) as file:
                for number in range(file.num_row_groups):  # all at once, it would read ahead
                    for batch in file.iter_batches(
                        SQLITE_BATCH_ROWS, row_groups=[number], use_threads=False
                    ):
                        values = [map(format_date, column.to_pylist()) for column in batch.columns]
                        db.executemany(insert, zip(*values, strict=True))
            for key in resource["schema"].get("foreignKeys", ()):
                if resource["schema"].get("primaryKey", ())[:1] != key["fields"]:
                    (column,) = key["fields"]
                    db.execute(
                        f"create index"
                        f' "{resource["name"]}_{column}"'
                        f' on "{resource["name"]}" ("{column}")'
                    )
        db.execute("commit")


def _build_table_sql(resource: Mapping[str, Any]) -> str:
    schema = resource["schema"]
    parts = [
        f'"{each["name"]}" {SQLITE_TYPES.get(each["type"], "text")}' for each in schema["fields"]
    ]
    if key := schema.get("primaryKey"):
        parts.append(f"primary key ({_format_names(key)})")
    parts += [
        f"foreign key ({_format_names(each['fields'])}) references"
        f' "{each["reference"]["resource"]}"'
        f" ({_format_names(each['reference']['fields'])})"
        for each in schema.get("foreignKeys", ())
    ]
    return f'create table "{resource["name"]}" ({", ".join(parts)})'


def _format_names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
