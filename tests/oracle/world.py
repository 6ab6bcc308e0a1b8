"""The surroundings of a record: its folder, the commands of the checkout, and a stopped clock for
them.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.oracle.masks import Masks
from tests.oracle.renames import Renames

ROOT = Path.cwd()
FROZEN = Path(__file__).parent / "frozen"
PATIENCE = 600  # seconds a command may take

FIRST = datetime(2026, 11, 18, 8, 0, tzinfo=UTC)  # the first crawl
EDITED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # after the edits of tests/site/story.py
LOOKED_AGAIN = (
    datetime(2026, 11, 21, 14, 0, tzinfo=UTC),
    datetime(2026, 11, 22, 16, 0, tzinfo=UTC),
)
# one agency is redesigned, another one's server is down
FAULTY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SERVED = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


class RecordError(Exception):
    """A record cannot be made."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """The result of a command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, kw_only=True)
class World:
    """What every part of a record needs: folders, ports, names and masks."""

    out: Path  # the record
    work: Path  # temporary files
    shared: Path | None
    names: Renames
    masks: Masks
    site_port: int
    port: int

    @property
    def archive(self) -> Path:
        """Return the path of the archive of the sample crawl."""
        return self.work / "archive.db"

    @property
    def agencies(self) -> Path:
        """Return the path of the list of the sample agencies."""
        return self.work / "agencies.toml"

    def environment(self, moment: datetime) -> dict[str, str]:
        """Return the environment of a command at a moment."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "TMPDIR": str(self.work),
            "PYTHONPATH": str(FROZEN),
            "PYTHONHASHSEED": "0",
            "ORACLE_NOW": moment.isoformat(),
            "TZ": "Europe/Stockholm",
            "COLUMNS": "150",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "SCRAPY_SETTINGS_MODULE": "tests.site.settings",
            "LOOPBACK_PORT": str(self.site_port),
        }

    def words(self, command: str, places: Mapping[str, object]) -> list[str]:
        """Return an old command as the words to run now, with its {places} filled in."""
        given = {"site": self.site_port, "port": self.port, "agencies": self.agencies, **places}
        first, *rest = (word.format(**given) for word in shlex.split(self.names.command(command)))
        return [
            sys.executable if first == "python" else str(Path(sys.executable).with_name(first)),
            *rest,
        ]

    def run(
        self,
        command: str,
        moment: datetime,
        places: Mapping[str, object] | None = None,
        given: str = "",
    ) -> Ran:
        """Run a command to its end. NAME=value before it is added to its environment."""
        set_, command = split_environment(command)
        done = subprocess.run(
            self.words(command, places or {}),
            cwd=ROOT,
            env=self.environment(moment) | set_,
            input=given.encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Ran(code=done.returncode, out=to_text(done.stdout), err=to_text(done.stderr))

    def demand(
        self,
        command: str,
        moment: datetime,
        places: Mapping[str, object] | None = None,
        *,
        most: int = 0,
    ) -> Ran:
        """Run a command; raise RecordError if it fails. Findings are no failure."""
        ran = self.run(command, moment, places)
        if ran.code > most:
            raise RecordError(
                f"{command}: exit code {ran.code}\n{ran.out[-2000:]}\n{ran.err[-2000:]}"
            )
        return ran

    def copy_archive(self, folder: Path) -> Path:
        """Copy the sample archive into a new folder and return its path."""
        folder.mkdir(parents=True)
        for file in self.archive.parent.glob("*.db"):
            with opened(file) as db:
                # moves the write-ahead log into the file
                db.execute("pragma wal_checkpoint(truncate)")
            shutil.copyfile(file, folder / file.name)
        return folder / self.archive.name

    def write(self, name: str, text: str) -> None:
        """Write one file of the record, masked."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.masks.apply(name, text), "utf-8")


def split_environment(command: str) -> tuple[dict[str, str], str]:
    """Split a command line into its environment variables and the command.

    >>> split_environment("ALERT_WEBHOOK=http://127.0.0.1:1/ scrapy round --every 5")
    ({'ALERT_WEBHOOK': 'http://127.0.0.1:1/'}, 'scrapy round --every 5')
    """
    found = {}
    while setting := re.match(r"([A-Z_]+)=(\S*) ", command):
        found[setting[1]] = setting[2]
        command = command[setting.end() :]
    return found, command


def to_text(told: bytes) -> str:
    """Return output as text."""
    return told.decode("utf-8", "backslashreplace")


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite file, and commit changes at the end."""
    with closing(sqlite3.connect(file)) as db, db:
        yield db


def ask(file: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    with opened(file) as db:
        return db.execute(sql, values).fetchall()
