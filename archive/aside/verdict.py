"""Whether what was kept aside is one agency's whole rule gone wrong, or single releases that are as they are.

Judged field by field, new releases and held ones apart, over the readings since the first that is not judged yet;
where those are too few, since the third newest that lacked the field. So a rule that died shows also where each
crawl brings a single release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from archive.aside import COLUMNS, QuarantinedPage, to_kept
from archive.times import to_text

MIN_READINGS = 3  # readings that lack the same
SHARE = 0.5  # of the readings, new releases or such as read otherwise than held
LOOK_BACK = timedelta(days=30)  # how long single ones that were taken in count


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapse:
    """A field that many readings lack, or a source that lists too few."""

    key: str
    held: bool  # of releases that were held, else of new ones
    number: int
    of: int  # readings


def find_collapses(db: Database, agency: str, now: datetime) -> list[Collapse]:
    """What many of an agency's latest readings lack; nothing is written."""
    found = recent(db, agency, now)
    collapses = []
    for held in (False, True):
        own = [kept for kept in found if (kept.release is not None) == held]
        for key in sorted({key for kept in own if kept.decision is None for key in kept.keys}):
            lacking = [kept for kept in own if key in kept.keys]
            since = begin(lacking)
            if since is None:
                continue
            number = sum(kept.seen >= since for kept in lacking)
            waiting = sum(kept.decision != "genuine" and kept.seen >= since for kept in own)
            of = max(number, waiting + count_kept(db, agency, since, held=held))  # the genuine ones are kept by now
            if number >= SHARE * of:
                collapses.append(Collapse(key=key, held=held, number=number, of=of))
    return collapses


def begin(lacking: list[QuarantinedPage]) -> str | None:
    """Since when to judge: the first not judged yet, else the third newest; None where there are not three at all."""
    fresh = [kept.seen for kept in lacking if kept.decision is None]
    if len(fresh) >= MIN_READINGS:
        return fresh[0]
    return lacking[-MIN_READINGS].seen if len(lacking) >= MIN_READINGS else None


def recent(db: Database, agency: str, now: datetime) -> list[QuarantinedPage]:
    """What waits, and what was taken in as the agency's own doing lately, in the order it was read."""
    rows = db.execute(
        f"select {COLUMNS} from held_back"
        " where agency = :agency and (decided is null or (decision = 'genuine' and seen >= :since)) order by seen, id",
        {"agency": agency, "since": to_text(now - LOOK_BACK)},
    ).fetchall()
    return [to_kept(row) for row in rows]


def count_kept(db: Database, agency: str, since: str, *, held: bool) -> int:
    """How many releases of an agency were read and kept since a moment: new ones, or held ones that read otherwise."""
    new = "select count(*) from releases where agency = :agency and first_seen >= :since"
    revised = (
        "select count(*) from revisions v join releases r on r.id = v.release where r.agency = :agency"
        " and v.cause in ('source', 'parser') and v.seen >= :since and v.previous is not null"
    )
    values = {"agency": agency, "since": since}
    return int(db.execute(revised if held else new, values).fetchone()[0])


def part(waiting: Sequence[QuarantinedPage], collapses: Sequence[Collapse]) -> Iterator[tuple[QuarantinedPage, bool]]:
    """Each row that is not judged yet, and whether it lacks what has collapsed, in new releases or in held ones."""
    gone = {collapse.key for collapse in collapses}
    for kept in waiting:
        if kept.decision is None:
            yield kept, bool(gone & kept.keys)
