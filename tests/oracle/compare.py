"""Compares two records, the older one under the new names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from fnmatch import fnmatchcase
from pathlib import Path

from tests.oracle.renames import Expected, Record, Renames, read_rows, rename_rows, replace

MOST_LINES = 3000  # of a file that are compared, from its first difference on
MOST_LETTERS = 400  # of a line that is shown


@dataclass(kw_only=True)
class Comparison:
    """The result of comparing two records.

    A difference has its file, its lines, and a reason if it is intended.
    """

    equal: int = 0
    differing: list[tuple[str, list[str]]] = field(default_factory=list)
    meant: list[tuple[str, str]] = field(default_factory=list)


def read_record(folder: Path) -> Record:
    """Return the text of every file of a record; raise FileNotFoundError if there are none."""
    if not (files := sorted(path for path in folder.rglob("*") if path.is_file())):
        raise FileNotFoundError(f"{folder}: no record")
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in files}


def compare(before: Record, after: Record, renames: Renames) -> Comparison:
    """Compare two records after giving the first one the new names."""
    renamed, found = renames.apply(before), Comparison()
    for name in sorted({*renamed, *after}):
        one, other = (settle(name, record.get(name), renames) for record in (renamed, after))
        if one == other:
            found.equal += 1
            continue
        lines = list(differences(name, one, other))
        reason = next((each.reason for each in renames.expected if covers(each, name, lines)), None)
        if reason is None:
            found.differing.append((name, lines))
        else:
            found.meant.append((name, reason))
    return found


def settle(name: str, text: str | None, renames: Renames) -> str | None:
    """Return a file's text, masked, without differences that only follow from the order of names,
    or None for None.
    """
    if text is None:
        return None
    text = replace(renames.mask, name, text)
    for order in renames.order:
        if fnmatchcase(name, order.files):
            text = order.sort(text)
    if name.endswith(".jsonl"):
        return rename_rows(text, {})
    return "\n\n".join(sorted(text.split("\n\n"))) if name.startswith("schema/") else text


def differences(name: str, one: str | None, other: str | None) -> Iterator[str]:
    """Yield the lines of a unified diff."""
    if one is None or other is None:
        yield f"only in {'AFTER' if one is None else 'BEFORE'}"
        return
    before, after = to_readable(name, one), to_readable(name, other)
    same = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    begin = max(0, same - 3)
    told = unified_diff(
        before[begin:][:MOST_LINES], after[begin:][:MOST_LINES], "BEFORE", "AFTER", lineterm=""
    )
    yield from (line[:MOST_LETTERS] for line in told)


def to_readable(name: str, text: str) -> list[str]:
    """Return lines, with each line of JSON split into its keys."""
    if not name.endswith(".jsonl"):
        return text.split("\n")
    return [
        line
        for row in read_rows(text)
        for line in json.dumps(row, ensure_ascii=False, indent=1).split("\n")
    ]


def covers(expected: Expected, name: str, lines: list[str]) -> bool:
    """Return whether all differences in a file are intended."""
    if not fnmatchcase(name, expected.files):
        return False
    changed = [
        line
        for line in lines
        if line[:1] not in (" ", "@") and line not in ("--- BEFORE", "+++ AFTER")
    ]
    return expected.pattern is None or all(expected.pattern.search(line) for line in changed)


def to_report(found: Comparison, most: int) -> str:
    """Format the differences, with a limited number of lines per file."""
    told = []
    for name, lines in found.differing:
        more = [f"… {len(lines) - most} lines more"] if len(lines) > most else []
        told += [f"=== {name}", *lines[:most], *more, ""]
    told += [f"meant: {name}: {reason}" for name, reason in found.meant]
    told.append(
        f"{found.equal} files equal,"
        f" {len(found.meant)} differ as"
        f" meant, {len(found.differing)}"
        f" differ"
    )
    return "\n".join(told)
