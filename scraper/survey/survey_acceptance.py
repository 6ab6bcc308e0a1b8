"""`scrapy survey --accept`: writes the findings of a survey into the list of agencies.

The table of each surveyed agency gets the key `survey` (SurveyMark), with the result of the
agency's last survey, even if an earlier one was better. The proposed table replaces the current one
if the verdict requires it, and if a person has reviewed at least one of the releases and found
every reviewed release correct. An agency is left out if its table was changed after the survey,
because the survey did not try the changed table.
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
    """Write the result of each agency's last survey into a list of agencies, and return a diff.

    Lines before the diff name the agencies that were left out, and say why. Comments, the order of
    the tables and all other keys are kept. Raises AgencyError, and changes nothing, if the list is
    invalid or would become invalid.

    only: the slugs of the agencies. If it is empty, all agencies are included.
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
    """Return whether the verdict requires the proposed table and a person has confirmed it.

    The person must have reviewed at least one of the releases and found every reviewed release
    correct.
    """
    judged = select(list_table_pages(row), "judged")
    return (
        row["verdict"] in ("table", "wire") and bool(judged) and judged == select(judged, "right")
    )


def _set_key(table: Any, key: str, value: Any) -> None:
    """Set a key of a table, or delete it if the value is None.

    A new key is put before the comments at the end of the table, because these belong to the next
    table. tomlkit would put the key after them.
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
    """Replace a list of agencies in one step, through a new file beside it.

    Raises AgencyError if the text is invalid. The new file is then kept, and `file` is not changed.
    """
    new = file.with_name(f"{file.name}.new")
    with new.open("wb") as stream:
        stream.write(text.encode())
        stream.flush()
        os.fsync(stream.fileno())
    load_agencies(new)
    new.chmod(file.stat().st_mode)
    new.replace(file)
