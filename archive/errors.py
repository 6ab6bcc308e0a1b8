"""What can go wrong in the archive."""

from __future__ import annotations

from pathlib import Path


class ArchiveError(Exception):
    """A database that cannot be opened, read or written: names the file and, where there is one, the table."""

    def __init__(self, file: Path | str, problem: str, *, table: str | None = None, key: str | None = None) -> None:
        self.file, self.table, self.key, self.problem = str(file), table, key, problem
        super().__init__(": ".join(part for part in (str(file), table, key, problem) if part))
