"""Write a dataset: a frozen part of the archive for research, in a folder that can be cited and checked.

selection.py chooses the releases, tables.py defines and writes the tables, package.py writes datapackage.json, the
citation files and the README. archive/DATASETS.md is the documentation for users.

Everything is read in one transaction, so a crawl may run meanwhile. The same archive and selection give the same bytes
in every file under data/, with the same version of this software and of pyarrow. Releases hidden by a takedown are left
out; redacted passages are written as the archive shows them.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive.database import ArchiveError, ProgressCallback
from archive.datasets.package import (
    Dataset,
    DatasetResource,
    format_citation_cff,
    format_datapackage,
    format_dataset_bibtex,
    format_readme,
)
from archive.datasets.selection import DatasetSelection, read_archive_state, select_releases
from archive.datasets.tables import (
    CODEBOOK_TABLE,
    COVERAGE_TABLE,
    DATASET_FORMATS,
    DATASET_TABLES,
    DatasetTable,
    find_column_meaning,
    import_pyarrow,
    iter_codebook_rows,
    read_coverage_rows,
    write_dataset_table,
)
from archive.evidence.verify import open_archive
from archive.schema import read_metadata

DATA_FOLDER = "data"
UNFINISHED_SUFFIX = ".unfinished"


def write_dataset(
    archive_path: Path,
    selection_text: str,
    target: Path,
    *,
    selection_kind: str | None = None,
    formats: Sequence[str] = DATASET_FORMATS,
    excluded_tables: Sequence[str] = (),
    site: str | None = None,
    progress: ProgressCallback = lambda *_: None,
) -> Dataset:
    """Write the selected releases to a new folder; without releases, write no folder or fingerprint.

    selection_kind: search or sql; by default a text that begins with SELECT or WITH is SQL. Raises ArchiveError if the
    archive cannot be read, the selection is not valid, or the folder cannot be written; no folder is left then.
    """
    if target.exists():
        raise ArchiveError(target, "is there already; a dataset gets a folder of its own")
    if "parquet" in formats:
        import_pyarrow(target)
    unfinished = target.with_name(target.name + UNFINISHED_SUFFIX)
    shutil.rmtree(unfinished, ignore_errors=True)  # of an interrupted export
    db = open_archive(archive_path)
    try:
        db.text_factory = str  # invalid UTF-8 is an error here, as it could not be written unchanged
        db.execute("begin")  # one state of the archive, while a crawl may write
        selection = select_releases(db, archive_path, selection_text, selection_kind)
        if not selection.releases:
            return Dataset(selection=selection, archive_state=read_archive_state(db), fingerprint="", site=site)
        (unfinished / DATA_FOLDER).mkdir(parents=True)
        folder = DatasetFolder(path=unfinished, formats=formats, metadata=read_metadata())
        dataset = write_dataset_files(
            db, folder, selection, excluded_tables=excluded_tables, site=site, progress=progress
        )
        unfinished.rename(target)
    except sqlite3.Error as error:
        raise ArchiveError(archive_path, f"cannot be read: {error}") from error
    finally:
        db.close()
        shutil.rmtree(unfinished, ignore_errors=True)
    return dataset


@dataclass(kw_only=True)
class DatasetFolder:
    """A dataset's folder while it is written."""

    path: Path
    formats: Sequence[str]
    metadata: Mapping[str, Any]  # of metadata.json
    resources: list[DatasetResource] = field(default_factory=list)
    codebook_rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add_table(self, table: DatasetTable, rows: Iterable[Sequence[Any]]) -> None:
        """Write a table in each format, and add its columns to the codebook."""
        known = self.metadata["databases"]["archive"]["tables"].get(table.metadata_table, {})
        meanings = [find_column_meaning(column, known) for column in table.columns]
        stats = write_dataset_table(
            self.path / DATA_FOLDER, table.name, table.columns, rows, meanings=meanings, formats=self.formats
        )
        self.codebook_rows += iter_codebook_rows(table.name, table.columns, meanings, stats.rows, stats.filled)
        paths = [f"{DATA_FOLDER}/{table.name}.{file_format}" for file_format in self.formats]
        files = {path: ((self.path / path).stat().st_size, hash_file(self.path / path)) for path in paths}
        self.resources.append(DatasetResource(table=table, meanings=meanings, stats=stats, files=files))

    def format_checksums(self) -> str:
        """Format the hashes of the data files as `sha256sum` does."""
        files = {path: digest for each in self.resources for path, (_, digest) in each.files.items()}
        return "".join(f"{files[path]}  {path}\n" for path in sorted(files))

    def write_documentation(self, dataset: Dataset, excluded_tables: Sequence[str]) -> None:
        """Write the README, datapackage.json, the citation files and SHA256SUMS."""
        pyarrow = import_pyarrow(self.path) if "parquet" in self.formats else None
        texts = {
            "README.md": format_readme(
                dataset, self.resources, excluded_tables, pyarrow.__version__ if pyarrow else None
            ),
            "datapackage.json": format_datapackage(dataset, self.resources, self.metadata, excluded_tables),
            "CITATION.cff": format_citation_cff(dataset),
            "citation.bib": format_dataset_bibtex(dataset),
        }
        for name, text in texts.items():
            (self.path / name).write_text(text, encoding="utf-8", newline="\n")
        others = "".join(f"{hash_file(self.path / name)}  {name}\n" for name in sorted(texts))
        (self.path / "SHA256SUMS").write_text(self.format_checksums() + others, encoding="utf-8", newline="\n")


def write_dataset_files(
    db: sqlite3.Connection,
    folder: DatasetFolder,
    selection: DatasetSelection,
    *,
    excluded_tables: Sequence[str],
    site: str | None,
    progress: ProgressCallback,
) -> Dataset:
    """Write all files; the documentation comes last, because it contains the data's hashes."""
    tables = [table for table in DATASET_TABLES if table.name not in excluded_tables]
    for number, table in enumerate(tables, 1):
        folder.add_table(table, db.execute(table.sql))
        progress("tables", number, len(tables))
    folder.add_table(COVERAGE_TABLE, read_coverage_rows(db))
    folder.add_table(CODEBOOK_TABLE, list(folder.codebook_rows))
    fingerprint = hashlib.sha256(folder.format_checksums().encode()).hexdigest()
    dataset = Dataset(selection=selection, archive_state=read_archive_state(db), fingerprint=fingerprint, site=site)
    folder.write_documentation(dataset, excluded_tables)
    return dataset


def hash_file(path: Path) -> str:
    """Return the SHA-256 hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
