"""`scrapy survey --accept`: writes the findings of a survey into the list of agencies.

The table of each agency that was tried gets a mark (the key `survey`). The last try counts, even if
its result is worse. A proposed table is written if it is needed, and if a person judged at least
one of its releases and all judged releases were right. An agency is left out if its table was
changed after the try, because the new table has not been tried.
"""

from __future__ import annotations

import os
from difflib import unified_diff
from itertools import takewhile
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Comment, Table

from scraper.agency import load_agencies
from scraper.probe import format_agency_toml
from scraper.survey.survey_record import Row, SurveyRecord, build_mark, list_table_pages, select


def accept_survey(record: SurveyRecord, file: Path, only: tuple[str, ...] = ()) -> str:
    """Write the last try of each agency into a list of agencies; return the changes as a diff.

    only: the slugs of the agencies; empty for all agencies.

    Lines before the diff name the agencies that were left out, and why. Comments, the order and all
    other keys are kept. Raises AgencyError, and changes nothing, if the list is invalid or would
    become invalid.
    """
    agencies = load_agencies(file)
    before, left_out = file.read_bytes().decode(), list[str]()
    document = tomlkit.parse(before)
    for row in record.load_all(only):
        slug, accepted = row["slug"], row["proposed" if _is_confirmed(row) else "declared"]
        present = format_agency_toml(agencies[slug]) if slug in agencies else None
        if present not in (row["declared"], accepted):
            changed = "its table was changed after it was tried; survey it again"
            left_out.append(f"{slug}: {changed if present else 'is not in the list'}\n")
            continue
        old, new = tomlkit.parse(present or "")[slug], tomlkit.parse(accepted)[slug]
        for key in {**old, **new}:
            if old.get(key) != new.get(key):
                _set_key(document[slug], key, new.get(key))
        _set_key(document[slug], "survey", tomlkit.inline_table() | build_mark(row))
    after = tomlkit.dumps(document)
    if after != before:
        _replace_file(file.resolve(), after)
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join([*left_out, *unified_diff(*lines, str(file), str(file), n=2)])


def _is_confirmed(row: Row) -> bool:
    """Return whether the proposed table is needed, and its judged releases are all right."""
    judged = select(list_table_pages(row), "judged")
    return (
        row["verdict"] in ("table", "wire") and bool(judged) and judged == select(judged, "right")
    )


def _set_key(table: Any, key: str, value: Any) -> None:
    """Set or delete a key of a table. A new key is put before the first blank line.

    tomlkit would put the key below the comments that belong to the next table.
    """
    if value is None:
        del table[key]
        return
    body = table.value.body if isinstance(table, Table) else []
    below = list(takewhile(lambda part: part[0] is None, reversed(body)))
    while below and isinstance(below[-1][1], Comment):
        below.pop()
    del body[len(body) - len(below) :]
    table[key] = value
    body += reversed(below)


def _replace_file(file: Path, text: str) -> None:
    """Replace a list of agencies in one step, through a file beside it.

    Raises AgencyError if the text is invalid. The file beside it is then kept, and `file` is not
    changed.
    """
    new = file.with_name(f"{file.name}.new")
    with new.open("wb") as stream:
        stream.write(text.encode())
        stream.flush()
        os.fsync(stream.fileno())
    load_agencies(new)
    new.chmod(file.stat().st_mode)
    new.replace(file)
