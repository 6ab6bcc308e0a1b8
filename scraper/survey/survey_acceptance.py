"""`scrapy survey --accept`: writes what a survey found into the list of agencies.

The table of each agency that was tried gets a mark (the key `survey`), whatever was found: a worse
try replaces a better one. A proposed table is written if it is needed, and a person has called
releases that it reads right, and none of them wrong. An agency whose table was changed after it was
tried is left out, because nothing is known of the new table.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, replace
from difflib import unified_diff
from itertools import takewhile
from operator import attrgetter
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Comment, Table

from archive.i18n import to_swedish_day
from scraper.agency import Agency, SurveyMark, load_agencies, parse_agency
from scraper.probe import format_agency_toml
from scraper.survey.survey_record import SurveyedAgency, SurveyedPage, SurveyRecord


def accept_survey(record: SurveyRecord, file: Path) -> str:
    """Write the last try of each agency into a list of agencies; return the changes as a diff.

    Lines before the diff name the agencies that were left out, and why. Comments, the order and all
    other keys stay. Raises AgencyError, and changes nothing, if the list is wrong, or would be.
    """
    agencies = load_agencies(file)
    before, left_out = file.read_bytes().decode(), list[str]()
    document = tomlkit.parse(before)
    for surveyed in record.load_all():
        try:
            changes = _list_changes(surveyed, agencies.get(surveyed.slug), file)
        except ValueError as error:
            left_out.append(f"{surveyed.slug}: {error}\n")
            continue
        for key, value in changes.items():
            _set_key(document.setdefault(surveyed.slug, tomlkit.table()), key, value)
    after = tomlkit.dumps(document)
    if after != before:
        _replace_file(file.resolve(), after)
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    return "".join([*left_out, *unified_diff(old, new, str(file), str(file), n=2)])


def _list_changes(surveyed: SurveyedAgency, agency: Agency | None, file: Path) -> dict[str, Any]:
    """Return the keys that are to be written. Raises ValueError with the reason if none may be."""
    slug, is_confirmed = surveyed.slug, _is_confirmed(surveyed)
    declared = _parse_table(slug, surveyed.declared)
    accepted = declared | (_parse_table(slug, surveyed.proposed) if is_confirmed else {})
    if not accepted or (agency is None and declared):
        raise ValueError("is not in the list, or was not when it was tried")
    changes = {key: value for key, value in accepted.items() if declared.get(key) != value}
    if agency:
        present = format_agency_toml(agency)
        if present == format_agency_toml(parse_agency(slug, accepted, file)):
            changes = {}
        elif present != surveyed.declared:
            raise ValueError("its table was changed after it was tried; survey it again")
    pages = _list_pages(surveyed, is_confirmed)
    mark = _build_mark(surveyed, pages, agency.survey if agency else None)
    return changes | {"survey": _to_inline_table(mark)}


def _is_confirmed(surveyed: SurveyedAgency) -> bool:
    """Return whether the proposed table is needed, and all of its judged releases are right."""
    if surveyed.declared and surveyed.verdict not in ("table", "wire"):
        return False
    judged = {page.right for page in surveyed.pages if page.is_proposed}
    return judged - {None} == {True}


def _parse_table(slug: str, text: str | None) -> dict[str, Any]:
    return dict(tomlkit.parse(text)[slug].items()) if text else {}


def _build_mark(
    surveyed: SurveyedAgency, pages: list[SurveyedPage], earlier: SurveyMark | None
) -> SurveyMark:
    """Return the mark of a try.

    What a person said of an earlier try still holds if this one found nothing to doubt.
    """
    mark = SurveyMark(
        tried=to_swedish_day(surveyed.tried),
        verdict=surveyed.verdict,
        read=sum(bool(page.fields) for page in pages),
    )
    if judged := sorted(page.judged for page in pages if page.judged):
        right = sum(page.right is True for page in pages)
        return replace(mark, judged=len(judged), right=right, seen=to_swedish_day(judged[-1]))
    if earlier and mark.verdict == "works":
        return replace(mark, judged=earlier.judged, right=earlier.right, seen=earlier.seen)
    return mark


def _list_pages(surveyed: SurveyedAgency, is_confirmed: bool) -> list[SurveyedPage]:
    """Return the pages that a crawl with the accepted table reads."""
    is_read = attrgetter("is_proposed" if is_confirmed else "is_crawled")
    return list(filter(is_read, surveyed.pages))


def _to_inline_table(mark: SurveyMark) -> dict[str, Any]:
    stated = {key: value for key, value in asdict(mark).items() if value is not None}
    return tomlkit.inline_table() | stated


def _set_key(table: Table, key: str, value: Any) -> None:
    """Set a key of a table; a new one comes before the first blank line after the others.

    tomlkit would put it below the comments in front of the next table, which belong to that one.
    """
    body = table.value.body if isinstance(table, Table) else []
    below = list(takewhile(lambda part: part[0] is None, reversed(body)))
    while below and isinstance(below[-1][1], Comment):
        below.pop()
    del body[len(body) - len(below) :]
    table[key] = value
    body += reversed(below)


def _replace_file(file: Path, text: str) -> None:
    """Replace a list of agencies in one step. Raises AgencyError, before that, if it is wrong."""
    for slug, table in tomllib.loads(text).items():
        parse_agency(slug, table, file)
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(text.encode())
    new.chmod(file.stat().st_mode)
    new.replace(file)
