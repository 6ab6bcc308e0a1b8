"""Reads a JSON Lines file, packed or not, line by line; what cannot be read names its line and field."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, cast

from archive.errors import ArchiveError

GZIP = b"\x1f\x8b"
LONGEST = 20_000_000  # bytes of one line

Line = tuple[int, "bytes | LineError"]


class LineError(ArchiveError):
    """A line of another collection that cannot be taken over: names file, line and field."""

    def __init__(self, file: Path | str, line: int, field: str | None, problem: str) -> None:
        self.told = file, line, field, problem
        self.line, self.field = line, field
        super().__init__(file, problem, table=f"line {line}", key=field)

    def __reduce__(self) -> tuple[type[LineError], tuple[Path | str, int, str | None, str]]:
        """From one process to another."""
        return LineError, self.told


def read_lines(file: Path, watch: Callable[[int, int], None] | None = None) -> Iterator[Line]:
    """Number and bytes of each line; the error in their place where they are too many. Blank lines are left out.

    ArchiveError where the file ends in the middle or is no such file; OSError where it cannot be opened.
    `watch` is told how many bytes of how many are read.
    """
    size = file.stat().st_size
    with file.open("rb") as raw:
        packed = raw.read(len(GZIP)) == GZIP
        raw.seek(0)
        stream: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
        with closing(stream):
            for number, line in enumerate(cut(file, stream), 1):
                if len(line) > LONGEST:
                    yield number, LineError(file, number, None, f"is longer than {LONGEST} bytes")
                elif line.strip():
                    yield number, line
                if watch and number % 100 == 0:
                    watch(raw.tell(), size)


def cut(file: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """A stream's lines; of one that is longer than LONGEST only so much that it shows."""
    number = 0
    try:
        while line := stream.readline(LONGEST + 1):
            number += 1
            yield line
            while len(line) > LONGEST and not line.endswith(b"\n"):  # the rest of it, piece by piece
                line = stream.readline(LONGEST + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ArchiveError(file, f"cannot be unpacked after line {number}: {error}") from error


def read_line(file: Path, number: int, line: bytes) -> dict[str, Any] | LineError:
    """One line's object."""
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return LineError(file, number, None, f"is not UTF-8: {error.reason} at byte {error.start}")
    except (json.JSONDecodeError, RecursionError) as error:
        return LineError(file, number, None, f"is not JSON: {error}")
    if not isinstance(row, dict):
        return LineError(file, number, None, f"is no JSON object but {type(row).__name__}")
    return row
