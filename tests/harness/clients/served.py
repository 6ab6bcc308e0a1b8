"""Creates and serves the archives that clients read, and reads what their databases contain."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from archive.database.sqlite_files import open_readonly
from archive.store.releases import Archive
from archive.views.search import escape_fts
from archive.web.request_limits import SandboxLimits
from tests.archive.sample import PAGED, SEEN, fill, plain_release
from tests.archive.sample_history import add_history
from tests.harness.clients.outcome import Report
from tests.harness.world.processes import (
    archive_command,
    find_port,
    run_archive,
    run_command,
    serve,
)
from tests.stored import ROOT as STORED

REASON = "Prov av klienter"  # of the takedown in the archive with histories
LARGE_RELEASES = 2_200  # more than two pages of a stream
SqlValues = Sequence[object] | Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ServedArchive:
    """An archive's file, the URL that it is served at, and a folder for files of clients."""

    report: Report
    name: str
    path: Path
    url: str
    folder: Path
    client: httpx.Client  # client for this URL, without redirects and proxies

    def check(self, client: str, what: str, expected: object, read: Callable[[], object]) -> None:
        """Compare what a client reads with what is expected."""
        self.report.check(client, what, self.name, expected, read)

    def skip(self, client: str, what: str, reason: str) -> None:
        self.report.skip(client, what, self.name, reason)

    def select(self, sql: str, values: SqlValues = ()) -> list[tuple[Any, ...]]:
        """Return rows of the database's file, read without the server."""
        with closing(open_readonly(self.path)) as db:
            return db.execute(sql, values).fetchall()

    def count(self, sql: str, values: SqlValues = ()) -> int:
        """Return the number of rows that a SELECT finds."""
        return int(self.select(f"select count(*) from ({sql})", values)[0][0])

    def find_matches(self, words: str) -> set[int]:
        """Return the ids of releases that the search index finds for words."""
        with closing(open_readonly(self.path)) as db:
            found = db.execute(
                "select rowid from search where search match ?", [escape_fts(db, words)]
            )
            return {row[0] for row in found}

    def get(self, path: str) -> httpx.Response:
        """Return a response; raise httpx.HTTPStatusError unless it is a success."""
        return self.client.get(path).raise_for_status()

    def save(self, path: str, name: str) -> Path:
        """Download to a file, as a reader does who then opens it."""
        file = self.folder / name
        with self.client.stream("GET", path) as response, file.open("wb") as out:
            response.raise_for_status()
            for piece in response.iter_bytes():
                out.write(piece)
        return file


@contextmanager
def serve_to_clients(
    report: Report, name: str, path: Path, folder: Path
) -> Iterator[ServedArchive]:
    """Serve an archive as a user does, on a free port."""
    port = find_port()
    with serve(archive_command("serve", path, "--port", port), port) as server:
        url = f"http://127.0.0.1:{port}"
        yield ServedArchive(report, name, path, url, folder, server.client)


def crawl_sample(path: Path) -> Path:
    """Crawl the sample agencies, and the stored pages where they are at hand (`make run
    PAGES=…`).
    """
    command = (sys.executable, "-m", "tests.site", "demo", "--no-serve", "--site-port", find_port())
    pages = ("--pages", STORED) if (STORED / "pages").is_dir() else ()
    run_command(*command, "--archive", path, *pages)
    return path


def fill_history(path: Path) -> Path:
    """Make an archive of invented releases with edits, removals of each kind, and takedowns."""
    add_history(fill(path))
    add_news(path)
    given = ("--reason", REASON, "--archive", path)
    run_archive("takedown", "hide", 7, *given)
    run_archive("takedown", "redact", 1, *given, given="Rörsångaren")
    return path


def add_news(path: Path) -> None:
    """Add what a second crawl of an agency found: releases that are new to feeds, one of them
    without a date.
    """
    agency, days = "vagmyndigheten", timedelta(days=200)
    with Archive(path) as archive:
        for started in (SEEN, SEEN + days):
            ended = started + timedelta(minutes=9)
            archive.db.execute(
                "insert into crawls (agency, spider, started, finished, reason, new)"
                " values (?, 'news', ?, ?, 'finished', 3)",
                [agency, started.isoformat(), ended.isoformat()],
            )
        for number, published in enumerate((SEEN + days, (SEEN + days).date(), None), PAGED + 1):
            new = replace(plain_release(number, "https://{slug}.example"), published=published)
            archive.save(new, seen_at=SEEN + days + timedelta(minutes=1))


def fill_large(path: Path) -> Path:
    """Create an archive in which a late page is too large to be returned as CSV."""
    with Archive(path) as archive:
        home = "https://vagmyndigheten.example/"
        archive.add_agency("vagmyndigheten", name="Vägmyndigheten", home=home)
        for number in range(1, LARGE_RELEASES + 1):
            archive.save(plain_release(number, "https://{slug}.example"), seen_at=SEEN)
        text = "Is på vägarna. " * (SandboxLimits().max_csv_bytes // 15)
        archive.db.execute("update releases set body = ? where id = ?", [text, LARGE_RELEASES - 9])
    return path


def copy_archive(source: Path, path: Path) -> Path:
    """Copy an archive with its captures, even if it is in use, and migrate the copy to the current
    schema.
    """
    for name, original in (("archive.db", source), ("captures.db", source.parent / "captures.db")):
        if original.is_file():
            with (
                closing(open_readonly(original)) as before,
                closing(sqlite3.connect(path.with_name(name))) as copy,
            ):
                before.backup(copy)
    with Archive(path):
        return path


def make_folder(parent: Path, name: str) -> Path:
    """Create an empty folder, replacing an existing one."""
    folder = parent / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
