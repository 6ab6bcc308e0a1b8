"""What starts a server of an archive: its file brought up to date, and the options of Datasette."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

import archive
from archive.database.schema import find_metadata, migrations
from archive.database.sqlite_files import check_version, open_readonly
from archive.store.releases import Archive

PACKAGE_FOLDER = Path(archive.__path__[0])
MAX_OPEN_FILES = 16_384  # per server: connections of clients, and SQLite's files


def update_archive(path: Path) -> None:
    """Update an archive with an earlier schema.

    Raises ArchiveError if an update is needed but the file cannot be written.
    """
    with closing(open_readonly(path)) as db:
        # an empty file has no version, and needs no update
        is_outdated = check_version(db, path) and migrations.pending(Database(db))
    if is_outdated:
        Archive(path, rebuild_stale=False).close()


def raise_file_limit() -> None:
    """Raise this process's limit of open files to MAX_OPEN_FILES, if allowed.

    With the usual 1,024, idle clients would leave no file descriptors for SQLite.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def build_datasette_command(
    file: Path, port: int, extra_options: Sequence[str] = (), *, sql: bool = True, cors: bool = True
) -> list[str]:
    """Build the command that serves an archive; archive/plugins/security.py limits visitors' SQL."""
    words = [sys.executable, "-m", "datasette", "serve", str(file), "--port", str(port)]
    return [*words, *build_datasette_options(sql=sql, cors=cors), *extra_options]


def build_datasette_options(*, sql: bool, cors: bool) -> list[str]:
    """Return the options of `datasette serve` that all servers of an archive share."""
    return [
        *("--metadata", str(find_metadata())),
        *("--plugins-dir", str(PACKAGE_FOLDER / "plugins")),
        *("--template-dir", str(PACKAGE_FOLDER / "templates")),
        *("--static", f"static:{PACKAGE_FOLDER / 'static'}"),
        *("--setting", "suggest_facets", "off"),
        # more than the number of searches allowed at once (archive/plugins/security.py)
        *("--setting", "num_sql_threads", "6"),
        *("--setting", "allow_download", "off"),  # free pages of the file may contain taken-down text
        *("--setting", "default_allow_sql", "on" if sql else "off"),
        *(["--cors"] if cors else []),  # the data is public, so pages of other sites may read it
    ]
