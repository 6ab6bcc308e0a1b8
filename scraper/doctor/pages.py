"""The last good page of an agency beside the first bad one, read by today's rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from archive.aside import Aside, QuarantinedPage
from archive.captures import Captures
from archive.store import Archive
from scraper.agency import Agency
from scraper.causes import read_bytes
from scraper.probing.findings import Page, read

LOOKED_AT = 5  # pages until one is good
REST = 10  # further pages a remedy is tried on


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page: when it was read, and what today's rules make of its bytes."""

    url: str
    seen: str
    capture: int
    html: bytes
    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What there is to look at. same: both pages are of one release, so that the same words can be looked for."""

    agency: Agency
    waiting: int
    since: str | None  # when the first of what waits was read
    symptoms: dict[str, int]  # field, or source that lists too few → how many of what waits lack it
    good: Sheet | None
    bad: Sheet | None
    held_back: int | None  # the bad page's row
    same: bool
    rest: tuple[Sheet, ...]  # others that wait
    problems: tuple[str, ...]  # what could not be read at all, the latest first


def open_case(archive: Archive, captures: Captures, agency: Agency) -> Case:
    """The case of one agency; without pages where nothing is held back, or no bytes are kept."""
    waiting = Aside(archive.db).waiting(agency.slug)
    symptoms = Counter(key for kept in waiting for key in sorted(kept.keys))
    bad, kept = next(find_bad(archive, captures, agency, waiting, symptoms), (None, None))
    good = None
    if kept:
        lacking = {key for key in kept.keys if "://" not in key}
        sheets = list(find_good(archive, captures, agency, kept))
        good = next((sheet for sheet in sheets if has_all(sheet, lacking)), sheets[0] if sheets else None)
    others = (sheet_of(archive, captures, agency, one.capture) for one in waiting[: REST + 1] if one is not kept)
    return Case(
        agency=agency,
        waiting=len(waiting),
        since=waiting[0].seen if waiting else None,
        symptoms=dict(symptoms.most_common()),
        good=good,
        bad=bad,
        held_back=kept.id if kept else None,
        same=kept is not None and kept.release is not None,
        rest=tuple(sheet for sheet in others if sheet),
        problems=tuple(find_problems(archive, agency.slug)),
    )


def find_bad(
    archive: Archive, captures: Captures, agency: Agency, waiting: list[QuarantinedPage], symptoms: Counter[str]
) -> Iterator[tuple[Sheet, QuarantinedPage]]:
    """What waits, first what was held before and lacks what most lack: it shows most."""
    commonest = next(iter(symptoms.most_common(1)), ("", 0))[0]
    for kept in sorted(waiting, key=lambda one: (one.release is None, commonest not in one.keys)):
        sheet = sheet_of(archive, captures, agency, kept.capture)
        if sheet:
            yield sheet, kept


def find_good(archive: Archive, captures: Captures, agency: Agency, kept: QuarantinedPage) -> Iterator[Sheet]:
    """The page that the release is held from; of a new release, the agency's pages read last before it."""
    rows = archive.db.execute(
        "select v.capture from revisions v join releases r on r.id = v.release where r.agency = :agency"
        " and v.capture is not null and v.seen <= :seen and (:release is null or r.id = :release)"
        " order by v.seen desc, v.id desc limit :most",
        {"agency": agency.slug, "seen": kept.seen, "release": kept.release, "most": LOOKED_AT},
    ).fetchall()
    for (capture,) in rows:
        sheet = sheet_of(archive, captures, agency, capture)
        if sheet and sheet.page.release:
            yield sheet


def sheet_of(archive: Archive, captures: Captures, agency: Agency, capture: int | None) -> Sheet | None:
    """A capture, read; None where its bytes are not kept."""
    row = archive.db.execute("select url, seen, sha256 from captures where id = ?", [capture]).fetchone()
    html = read_bytes(captures, row[2]) if row else None
    if html is None or capture is None:
        return None
    return Sheet(url=row[0], seen=row[1], capture=capture, html=html, page=read(html, row[0], agency))


def has_all(sheet: Sheet, fields: set[str]) -> bool:
    """Whether a page was read with all of some fields."""
    return all(getattr(sheet.page.release, name, None) for name in fields)


def find_problems(archive: Archive, agency: str) -> Iterator[str]:
    """Why pages and sources of an agency could not be read, the latest first."""
    rows = archive.db.execute(
        "select problem from frontier where agency = ? and state in ('failed', 'refused') and problem is not null"
        " order by fetched desc limit 5",
        [agency],
    ).fetchall()
    return (problem for (problem,) in rows)
