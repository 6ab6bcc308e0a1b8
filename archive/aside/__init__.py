"""What was read and kept aside, because too much of it looked as if we misread: the table held_back.

A row is written as a page is read, in the transaction that settles its address, its bytes kept before. `decided`
is null while it waits. `decision` says what came of it:

    null        not judged yet: the crawl goes on, or was killed, and the agency's next one judges it
    aside       judged: many of the agency's pages lost the same; it waits for a person or for a mended rule
    genuine     judged: the agency's own doing, and taken in
    taken       taken in by hand (scrapy takein): what it lacks is not missed until it is usual again
    reparsed    read whole by mended rules, and taken in (scrapy reparse)
    superseded  the same page was read whole, or found as held, since
    dropped     by hand (scrapy takein --drop)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from archive.records import Capture
from archive.state import state_hash
from archive.times import to_text

Reason = dict[str, Any]  # field, why, and the figures behind it; see scraper/suspicion.py

COLUMNS = "id, agency, crawl, url, release, seen, state, capture, reason, decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedPage:
    """One row that waits."""

    id: int
    agency: str
    crawl: int | None
    url: str  # the frontier's address of the page
    release: int | None  # that the address held when it was read
    seen: str
    state: dict[str, Any]
    capture: int | None
    reason: list[Reason]
    decision: str | None

    @property
    def keys(self) -> set[str]:
        """What it lacks, as `key_of` names it."""
        return set(map(key_of, self.reason))


class Aside:
    """The table held_back. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def put(
        self,
        *,
        agency: str,
        crawl: int | None,
        url: str,
        release: int | None,
        seen: datetime,
        state: Mapping[str, Any],
        capture: int,
        reason: Sequence[Reason],
    ) -> None:
        """Keep a reading aside; its capture is noted already."""
        self.db.execute(
            "insert into held_back (agency, crawl, url, release, seen, state, capture, reason)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            [agency, crawl, url, release, to_text(seen), as_json(state), capture, as_json(reason)],
        )

    def holds(self, url: str, state: Mapping[str, Any]) -> bool:
        """Whether a page's reading waits already, or was dropped, just as it reads now."""
        rows = self.db.execute(
            "select state from held_back where url = ? and (decided is null or decision = 'dropped')", [url]
        )
        digest = state_hash(state)
        return any(state_hash(json.loads(held)) == digest for (held,) in rows)

    def waiting(self, agency: str) -> list[QuarantinedPage]:
        """What waits of an agency, in the order it was read."""
        rows = self.db.execute(
            f"select {COLUMNS} from held_back where agency = ? and decided is null order by seen, id", [agency]
        ).fetchall()
        return [to_kept(row) for row in rows]

    def agencies(self) -> list[str]:
        """Whose readings wait."""
        return [slug for (slug,) in self.db.execute("select distinct agency from held_back where decided is null")]

    def judge(self, key: int) -> None:
        """A row stays aside until somebody, or a mended rule, takes it in."""
        self.db.execute("update held_back set decision = 'aside' where id = ?", [key])

    def decide(self, key: int, decision: str, at: datetime) -> None:
        """A row waits no longer."""
        self.db.execute("update held_back set decision = ?, decided = ? where id = ?", [decision, to_text(at), key])

    def was_read_since(self, kept: QuarantinedPage) -> bool:
        """Whether the page was read whole, or found as held, after it was kept aside."""
        row = self.db.execute(
            "select r.last_checked from releases r where r.id = coalesce("
            " (select release from frontier where url = :url), (select id from releases where url = :url))",
            {"url": kept.url},
        ).fetchone()
        return bool(row and row[0] > kept.seen)

    def cover(self, release: int, shown: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Leave of a release's rows only what may be `shown` (archive.takedowns); its bytes hold the rest."""
        rows = self.db.execute(
            "select id, state from held_back where release = :release or url in (select url from frontier"
            " where release = :release union select url from releases where id = :release)",
            {"release": release},
        ).fetchall()
        for key, state in rows:
            self.db.execute("update held_back set state = ? where id = ?", [as_json(shown(json.loads(state))), key])

    def capture_of(self, kept: QuarantinedPage) -> Capture | None:
        """The answer a row was read from."""
        row = self.db.execute(
            "select url, seen, status, headers, sha256, bytes from captures where id = ?", [kept.capture]
        ).fetchone()
        if row is None:
            return None
        url, seen, status, headers, sha256, size = row
        moment, told = datetime.fromisoformat(seen), json.loads(headers)
        return Capture(url=url, seen=moment, status=status, headers=told, sha256=sha256, bytes=size)

    def accepted(self, agency: str) -> dict[str, str]:
        """What an agency's releases may lack, for somebody took such in; since when."""
        rows = self.db.execute(
            "select reason, decided from held_back where agency = ? and decision = 'taken' order by decided", [agency]
        )
        return {key_of(reason): decided for reasons, decided in rows for reason in json.loads(reasons)}


def key_of(reason: Reason) -> str:
    """What a reason is about: a field, or the source that lists too few."""
    return str(reason.get("source") or reason["field"])


def to_kept(row: Sequence[Any]) -> QuarantinedPage:
    """A row of the table."""
    values = dict(zip(COLUMNS.split(", "), row, strict=True))
    return QuarantinedPage(**values | {name: json.loads(values[name]) for name in ("state", "reason")})


def as_json(value: object) -> str:
    """Canonical JSON, as it stands in the table."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
