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
from archive.datasets.package import Resource, Slice, to_bibtex, to_cff, to_guide, to_package
from archive.datasets.selection import Asked, choose, read_state
from archive.datasets.tables import (
    CODEBOOK,
    COVERAGE,
    FORMATS,
    TABLES,
    Table,
    find_meaning,
    find_pyarrow,
    read_coverage,
    to_rows,
    write_table,
)
from archive.evidence.verify import open_archive
from archive.schema import read_described

DATA = "data"
UNFINISHED = ".unfinished"
DatasetProgress = Callable[[str, int, int], None]


def take_slice(
    archive: Path,
    text: str,
    to: Path,
    *,
    how: str | None = None,
    formats: Sequence[str] = FORMATS,
    without: Sequence[str] = (),
    site: str | None = None,
    watch: DatasetProgress = lambda *_: None,
) -> Slice:
    """A new folder with the slice; where nothing is found, no folder and no fingerprint.

    `how` is search or sql; without it a text that begins with SELECT or WITH is SQL. ArchiveError where the archive
    cannot be read, the question cannot be understood or the folder cannot be written: then none is left.
    """
    if to.exists():
        raise ArchiveError(to, "is there already; a slice gets a folder of its own")
    if "parquet" in formats:
        find_pyarrow(to)
    unfinished = to.with_name(to.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)  # of one that was broken off
    db = open_archive(archive)
    try:
        db.text_factory = str  # bytes that are no text are an error here: they would not stay what they are
        db.execute("begin")  # one state of the archive, whatever a crawl writes meanwhile
        asked = choose(db, archive, text, how)
        if not asked.found:
            return Slice(asked=asked, state=read_state(db), fingerprint="", site=site)
        (unfinished / DATA).mkdir(parents=True)
        folder = Folder(path=unfinished, formats=formats, described=read_described())
        one = write_slice(db, folder, asked, without=without, site=site, watch=watch)
        unfinished.rename(to)
    except sqlite3.Error as error:
        raise ArchiveError(archive, f"cannot be read: {error}") from error
    finally:
        db.close()
        shutil.rmtree(unfinished, ignore_errors=True)
    return one


@dataclass(kw_only=True)
class Folder:
    """A slice's folder while it is written."""

    path: Path
    formats: Sequence[str]
    described: Mapping[str, Any]  # metadata.json
    resources: list[Resource] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)  # of the codebook

    def add(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """A table, in each format, and what the codebook tells of it."""
        known = self.described["databases"]["archive"]["tables"].get(table.described, {})
        meanings = [find_meaning(column, known) for column in table.columns]
        told = write_table(self.path / DATA, table.name, table.columns, rows, meanings=meanings, formats=self.formats)
        self.lines += to_rows(table.name, table.columns, meanings, told.rows, told.filled)
        paths = [f"{DATA}/{table.name}.{form}" for form in self.formats]
        files = {path: ((self.path / path).stat().st_size, digest_of(self.path / path)) for path in paths}
        self.resources.append(Resource(table=table, meanings=meanings, told=told, files=files))

    def sums(self) -> str:
        """The hashes of the data files, as `sha256sum` writes them."""
        files = {path: digest for each in self.resources for path, (_, digest) in each.files.items()}
        return "".join(f"{files[path]}  {path}\n" for path in sorted(files))

    def tell(self, one: Slice, left_out: Sequence[str]) -> None:
        """What is not data: who made it of what, how it is read, checked and cited."""
        pyarrow = find_pyarrow(self.path) if "parquet" in self.formats else None
        texts = {
            "README.md": to_guide(one, self.resources, left_out, pyarrow.__version__ if pyarrow else None),
            "datapackage.json": to_package(one, self.resources, self.described, left_out),
            "CITATION.cff": to_cff(one),
            "citation.bib": to_bibtex(one),
        }
        for name, text in texts.items():
            (self.path / name).write_text(text, encoding="utf-8", newline="\n")
        others = "".join(f"{digest_of(self.path / name)}  {name}\n" for name in sorted(texts))
        (self.path / "SHA256SUMS").write_text(self.sums() + others, encoding="utf-8", newline="\n")


def write_slice(
    db: sqlite3.Connection,
    folder: Folder,
    asked: Asked,
    *,
    without: Sequence[str],
    site: str | None,
    watch: DatasetProgress,
) -> Slice:
    """All files; those about the data last, for they tell its hashes."""
    tables = [table for table in TABLES if table.name not in without]
    for number, table in enumerate(tables, 1):
        folder.add(table, db.execute(table.sql))
        watch("tables", number, len(tables))
    folder.add(COVERAGE, read_coverage(db))
    folder.add(CODEBOOK, list(folder.lines))
    fingerprint = hashlib.sha256(folder.sums().encode()).hexdigest()
    one = Slice(asked=asked, state=read_state(db), fingerprint=fingerprint, site=site)
    folder.tell(one, without)
    return one


def digest_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
