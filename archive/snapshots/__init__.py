"""Snapshots: an archive as it stood at a moment, in a folder of its own, for servers that only read it.

    FOLDER/2026-03-02T034301/   archive.db · captures.db · inspect.json · SHA256SUMS; nothing in it changes any more
    FOLDER/withdrawn            a name: snapshots up to and with it must not be shown

Whatever copies files may carry the folder to other machines, in any order: what is not whole yet is not taken.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FORM = "%Y-%m-%dT%H%M%S"
NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}")
ARCHIVE, INSPECT, SUMS = "archive.db", "inspect.json", "SHA256SUMS"
MARK = "withdrawn"
LINE = re.compile(r"([0-9a-f]{64})  ([a-z]+\.[a-z]+)")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A folder that holds one."""

    path: Path

    @property
    def name(self) -> str:
        """Of two, the later one's is the greater."""
        return self.path.name

    @property
    def moment(self) -> datetime:
        """When it was begun: later than all that it holds."""
        return datetime.strptime(self.name, FORM).replace(tzinfo=UTC)


def find_snapshots(folder: Path) -> list[Snapshot]:
    """Those that may be shown, newest first; not looked into."""
    mark = read_mark(folder)
    return [each for each in find_all(folder) if each.name > mark]


def find_all(folder: Path) -> list[Snapshot]:
    """Whatever has the name of a snapshot, newest first."""
    names = (path.name for path in folder.iterdir() if NAME.fullmatch(path.name) and path.is_dir())
    return [Snapshot(folder / name) for name in sorted(names, reverse=True)]


def read_mark(folder: Path) -> str:
    """The name up to which snapshots are withdrawn; "" where none is."""
    try:
        return (folder / MARK).read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def find_fault(snapshot: Snapshot) -> str | None:
    """Why a snapshot is not whole, if it is not: each file is held against its SHA-256."""
    try:
        lines = (snapshot.path / SUMS).read_text("ascii").splitlines()
    except FileNotFoundError:
        return f"{SUMS} is not there"
    sums = [found.groups() for line in lines if (found := LINE.fullmatch(line))]
    if len(sums) != len(lines) or not {ARCHIVE, INSPECT} <= {name for _, name in sums}:
        return f"{SUMS} is not one of ours, or was cut"
    for sha256, name in sums:
        if not (snapshot.path / name).is_file():
            return f"{name} is not there"
        if hash_file(snapshot.path / name) != sha256:
            return f"{name} has another SHA-256 than {SUMS} says"
    return None


def hash_file(path: Path) -> str:
    """SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
