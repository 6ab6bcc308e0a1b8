"""The crawl's memory, the frontier table: every address ever found, what came of it and when it is due.

It lives in archive.db because a page's row and its release must commit in one transaction: that is what
survives kill -9. `role` says what an address is (release, feed, sitemap, listing, home, robots); `state`
what came of it:

    due        found, not yet read                        held     read, its release is in the archive
    failed     not answered (network, 5xx), tried again   refused  answered, but no release could be read
    done       a source whose whole pass was completed    gone     404 or 410
    aside      read, and kept aside (archive.aside): looked at again now and then, for the page may be mended
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from archive.aside.sources import note_links
from archive.times import to_text

RETRY_AFTER = timedelta(hours=1)  # doubled at every further failure
GONE_AFTER = timedelta(days=1)  # a page may be listed before it answers; doubled as well
REFUSED_AFTER = timedelta(days=1)  # a refused page may have been mended, or our rule
USED_ANEW = timedelta(days=30)
FAR = timedelta(days=366)  # no check is planned that far ahead: a clock was wrong
LONGEST_WAIT = timedelta(days=7)
DATE = "max(coalesce(r.published, r.updated, r.first_seen), coalesce(r.updated, r.published, r.first_seen))"
DAY = f"case when length({DATE}) = 7 then {DATE} || '-01' else {DATE} end"  # a month alone is no date to SQLite
EDITS = "(select count(*) from revisions v where v.release = r.id and v.cause = 'source')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One address of the frontier as the crawler needs it."""

    url: str
    agency: str
    role: str
    state: str
    first_seen: str
    listed: str | None
    fetched: str | None
    tries: int
    etag: str | None
    last_modified: str | None
    release: int | None


FRONTIER_COLUMNS = ", ".join(Row.__dataclass_fields__)
OF_AGENCY = f"select {FRONTIER_COLUMNS}, rowid as number from frontier where agency = :agency and role = 'release'"


class Frontier:
    """The frontier table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, url: str) -> Row | None:
        """One address, if it was ever found."""
        row = self.db.execute(f"select {FRONTIER_COLUMNS} from frontier where url = ?", [url]).fetchone()
        return to_row(row) if row else None

    def add(
        self,
        url: str,
        *,
        agency: str,
        role: str,
        seen: datetime,
        source: str | None = None,
        listed: str | None = None,
        begun: datetime | None = None,
    ) -> bool:
        """Remember an address and the source that named it first; True where it was never found before.

        What its source dates later than before (`listed`) becomes due again: a release held, lost or aside, unless it
        was read after that date, be it a day or a moment, or after `begun`, the crawl's own beginning; and a
        sitemap, before it is asked for, so that a crawl killed meanwhile does not take it for read.
        """
        added = self.db.execute(
            "insert or ignore into frontier (url, agency, role, state, first_seen, source, listed)"
            " values (?, ?, ?, 'due', ?, ?, ?)",
            [url, agency, role, to_text(seen), source, listed],
        ).rowcount
        if not added and listed:
            self.db.execute(
                "update frontier set listed = :listed, state = case when state = 'done'"
                " or (state in ('held', 'gone', 'aside') and listed is not null and fetched < :begun"
                " and :listed >= substr(fetched, 1, length(:listed))) then 'due' else state end"
                " where url = :url and (listed is null or listed < :listed)",
                {"url": url, "listed": listed, "begun": to_text(begun or seen)},
            )
        if not added:  # an address whose release stands elsewhere by now may be used for another one day
            self.db.execute(
                "update frontier set state = 'due' where url = ? and state = 'held' and fetched < ?"
                " and url <> (select url from releases where id = frontier.release)",
                [url, to_text((begun or seen) - USED_ANEW)],
            )
        return bool(added)

    def due(self, agency: str, now: datetime, limit: int, leave: frozenset[str] = frozenset()) -> list[Row]:
        """Up to `limit` releases of an agency that are due, oldest find first, without those in `leave`."""
        # parted, lest an agency's thousands of held rows are sorted at every page
        rows = self.db.execute(
            f"select {FRONTIER_COLUMNS} from (select * from ({OF_AGENCY} and state = 'due' order by first_seen, rowid"
            " limit :limit) union all select * from"
            # one that is held is looked at again by its age, not here
            f" ({OF_AGENCY} and state in ('failed', 'refused', 'gone', 'aside') and release is null"
            " and next_due <= :now order by first_seen, rowid limit :limit)) order by first_seen, number limit :limit",
            {"agency": agency, "now": to_text(now), "limit": limit + len(leave)},
        )
        return [row for row in map(to_row, rows) if row.url not in leave][:limit]

    def stale(self, agency: str, now: datetime, limit: int) -> list[str]:
        """Addresses of up to `limit` held releases of an agency that are due to be looked at again.

        The newest and the most edited first; a quarter of them, though, are those that have waited longest, so
        that none is left out for ever where not all can be asked.
        """
        ordered: dict[str, None] = {}
        for order, share in (
            (f"(julianday(:now) - julianday({DAY})) / (1 + {EDITS})", limit - limit // 4),
            ("coalesce(r.next_check, r.last_checked)", limit),
        ):
            rows = self.db.execute(
                "select r.url from releases r where r.agency = :agency and r.moved_to is null"
                " and (r.next_check is null or r.next_check <= :now or r.next_check > :far)"
                f" order by {order}, r.id limit :limit",
                {"agency": agency, "now": to_text(now), "far": to_text(now + FAR), "limit": share + len(ordered)},
            )
            ordered |= dict.fromkeys(url for (url,) in rows)
        return list(ordered)[:limit]

    def shared(self, url: str, visited: str) -> bool:
        """Whether yet another address than these two led to the release held under `url`."""
        row = self.db.execute(
            "select 1 from frontier where release = (select release from frontier where url = :url)"
            " and url not in (:url, :visited) limit 1",
            {"url": url, "visited": visited},
        ).fetchone()
        return row is not None

    def held(self, url: str, release: int, seen: datetime) -> None:
        """The address is known to hold a release. Nothing is written where that was known already."""
        row = self.get(url)
        if not row or (row.state, row.release) != ("held", release):
            self._came(url, "held", seen, release=release)

    def read(self, url: str, release: int, seen: datetime, *, etag: str | None, last_modified: str | None) -> None:
        """The address answered with its release. The answer's validators are the only ones from now on."""
        row = self.get(url)
        told = ("held", release, etag, last_modified)
        if not row or (row.state, row.release, row.etag, row.last_modified) != told:
            self.db.execute("update frontier set etag = null, last_modified = null where url = ?", [url])
            self._came(url, "held", seen, etag=etag, last_modified=last_modified, release=release)

    def done(
        self,
        url: str,
        seen: datetime,
        *,
        links: int | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> None:
        """A source's whole pass ended; what was found before now counts as known. `links`: how many it named."""
        self._came(url, "done", seen, etag=etag, last_modified=last_modified)
        if links is not None:
            self.db.execute("update frontier set links = ? where url = ?", [links, url])

    def names(self, source: str, links: int) -> None:
        """A source names so many releases now."""
        note_links(self.db, source, links)

    def listed_before(self, source: str) -> list[Row]:
        """What a source that has not changed still lists, as far as it was the first to name it."""
        rows = self.db.execute(
            f"select {FRONTIER_COLUMNS} from frontier where source = :source order by first_seen desc"
            " limit (select coalesce(links, 0) from frontier where url = :source)",
            {"source": source},
        )
        return [to_row(row) for row in rows]

    def refused(self, url: str, seen: datetime, problem: str) -> None:
        """The address answered, but no release could be read."""
        self._again(url, "refused", seen, problem, REFUSED_AFTER)

    def gone(self, url: str, seen: datetime, problem: str) -> None:
        """The address answered 404 or 410; it is looked at again, ever more seldom, for it may come back."""
        self._again(url, "gone", seen, problem, GONE_AFTER)

    def aside(self, url: str, seen: datetime, problem: str) -> None:
        """The address was read, and what was read is kept aside."""
        self._again(url, "aside", seen, problem, REFUSED_AFTER)

    def failed(self, url: str, seen: datetime, problem: str) -> None:
        """The address did not answer; it is tried again, ever more seldom."""
        self._again(url, "failed", seen, problem, RETRY_AFTER)

    def _again(self, url: str, state: str, seen: datetime, problem: str, first: timedelta) -> None:
        row = self.get(url)
        tries = row.tries + 1 if row else 1
        wait = min(first * 2 ** min(tries - 1, 10), LONGEST_WAIT)
        self._came(url, state, seen, problem=problem, next_due=seen + wait, tries=tries)

    def _came(
        self,
        url: str,
        state: str,
        seen: datetime,
        *,
        problem: str | None = None,
        next_due: datetime | None = None,
        tries: int = 0,
        etag: str | None = None,
        last_modified: str | None = None,
        release: int | None = None,
    ) -> None:
        self.db.execute(
            "update frontier set state = :state, fetched = :fetched, problem = :problem, next_due = :next_due,"
            " tries = :tries, etag = coalesce(:etag, etag), last_modified = coalesce(:last_modified, last_modified),"
            " release = coalesce(:release, release) where url = :url",
            {
                "url": url,
                "state": state,
                "fetched": to_text(seen),
                "problem": problem,
                "next_due": to_text(next_due),
                "tries": tries,
                "etag": etag,
                "last_modified": last_modified,
                "release": release,
            },
        )


def to_row(values: tuple[object, ...]) -> Row:
    """A row of the table as a Row."""
    return Row(**dict(zip(Row.__dataclass_fields__, values, strict=True)))  # type: ignore[arg-type] # the table's own types
