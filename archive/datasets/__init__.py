"""Frozen research dataset: write, hash.

A slice: a frozen part of the archive for research, in a folder that can be cited and checked.

asked.py which releases · tables.py which tables and columns · columns.py their types · files.py CSV and Parquet ·
coverage.py what is held and what is missing · codebook.py what each column means · package.py datapackage.json ·
citation.py how to cite it · guide.py the folder's README · taking.py all of it · command.py the command line

All is read in one transaction, so a crawl may go on meanwhile. The same archive and the same question give the same
bytes in every file under data/, by the same version of this software and of pyarrow. What is hidden by a takedown is
left out, what is redacted stands as the archive shows it. archive/SLICES.md is for those who use it.

Takes a slice: chooses, writes every table in one state of the archive, hashes, and says what it is.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive.database import ArchiveError
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
DatasetProgress = Callable[[str, int, int], None]


def write_dataset(
    archive_path: Path,
    selection_text: str,
    target: Path,
    *,
    selection_kind: str | None = None,
    formats: Sequence[str] = DATASET_FORMATS,
    excluded_tables: Sequence[str] = (),
    site: str | None = None,
    progress: DatasetProgress = lambda *_: None,
) -> Dataset:
    """A new folder with the slice; where nothing is found, no folder and no fingerprint.

    `how` is search or sql; without it a text that begins with SELECT or WITH is SQL. ArchiveError where the archive
    cannot be read, the question cannot be understood or the folder cannot be written: then none is left.
    """
    if target.exists():
        raise ArchiveError(target, "is there already; a slice gets a folder of its own")
    if "parquet" in formats:
        import_pyarrow(target)
    unfinished = target.with_name(target.name + UNFINISHED_SUFFIX)
    shutil.rmtree(unfinished, ignore_errors=True)  # of one that was broken off
    db = open_archive(archive_path)
    try:
        db.text_factory = str  # bytes that are no text are an error here: they would not stay what they are
        db.execute("begin")  # one state of the archive, whatever a crawl writes meanwhile
        asked = select_releases(db, archive_path, selection_text, selection_kind)
        if not asked.found:
            return Dataset(selection=asked, archive_state=read_archive_state(db), fingerprint="", site=site)
        (unfinished / DATA_FOLDER).mkdir(parents=True)
        folder = DatasetFolder(path=unfinished, formats=formats, metadata=read_metadata())
        one = write_dataset_files(db, folder, asked, excluded_tables=excluded_tables, site=site, progress=progress)
        unfinished.rename(target)
    except sqlite3.Error as error:
        raise ArchiveError(archive_path, f"cannot be read: {error}") from error
    finally:
        db.close()
        shutil.rmtree(unfinished, ignore_errors=True)
    return one


@dataclass(kw_only=True)
class DatasetFolder:
    """A slice's folder while it is written."""

    path: Path
    formats: Sequence[str]
    metadata: Mapping[str, Any]  # metadata.json
    resources: list[DatasetResource] = field(default_factory=list)
    codebook_rows: list[tuple[Any, ...]] = field(default_factory=list)  # of the codebook

    def add_table(self, table: DatasetTable, rows: Iterable[Sequence[Any]]) -> None:
        """A table, in each format, and what the codebook tells of it."""
        known = self.metadata["databases"]["archive"]["tables"].get(table.metadata_table, {})
        meanings = [find_column_meaning(column, known) for column in table.columns]
        told = write_dataset_table(
            self.path / DATA_FOLDER, table.name, table.columns, rows, meanings=meanings, formats=self.formats
        )
        self.codebook_rows += iter_codebook_rows(table.name, table.columns, meanings, told.rows, told.filled)
        paths = [f"{DATA_FOLDER}/{table.name}.{form}" for form in self.formats]
        files = {path: ((self.path / path).stat().st_size, hash_file(self.path / path)) for path in paths}
        self.resources.append(DatasetResource(table=table, meanings=meanings, stats=told, files=files))

    def format_checksums(self) -> str:
        """The hashes of the data files, as `sha256sum` writes them."""
        files = {path: digest for each in self.resources for path, (_, digest) in each.files.items()}
        return "".join(f"{files[path]}  {path}\n" for path in sorted(files))

    def write_documentation(self, dataset: Dataset, excluded_tables: Sequence[str]) -> None:
        """What is not data: who made it of what, how it is read, checked and cited."""
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
    progress: DatasetProgress,
) -> Dataset:
    """All files; those about the data last, for they tell its hashes."""
    tables = [table for table in DATASET_TABLES if table.name not in excluded_tables]
    for number, table in enumerate(tables, 1):
        folder.add_table(table, db.execute(table.sql))
        progress("tables", number, len(tables))
    folder.add_table(COVERAGE_TABLE, read_coverage_rows(db))
    folder.add_table(CODEBOOK_TABLE, list(folder.codebook_rows))
    fingerprint = hashlib.sha256(folder.format_checksums().encode()).hexdigest()
    one = Dataset(selection=selection, archive_state=read_archive_state(db), fingerprint=fingerprint, site=site)
    folder.write_documentation(one, excluded_tables)
    return one


def hash_file(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
