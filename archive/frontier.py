"""URL frontier, pagination cursors, host state, jobs of distributed workers.

Which agencies' rounds are out with workers on other machines, the jobs table: one row an agency, its newest.

`token` is the number of the lease a worker holds on the agency, ever higher; `applied` is the last of its messages that
stands in the archive. Both are written in the transaction that does what a message says, so that a message that comes
twice, or from a worker whose lease has passed to another, changes nothing.

The crawl's memory, the frontier table: every address ever found, what came of it and when it is due.

It lives in archive.db because a page's row and its release must commit in one transaction: that is what
survives kill -9. `role` says what an address is (release, feed, sitemap, listing, home, robots); `state`
what came of it:

    due        found, not yet read                        held     read, its release is in the archive
    failed     not answered (network, 5xx), tried again   refused  answered, but no release could be read
    done       a source whose whole pass was completed    gone     404 or 410
    aside      read, and kept aside (archive.quarantine): looked at again now and then, for the page may be mended

What is remembered of hosts between crawls, the hosts table: their robots.txt, and how long they are left in peace.

A host is named as in its addresses, with its port where that is not the scheme's own. `robots` is what came of
asking for its robots.txt last: allowed (it was read), absent (there is none) or unreachable (a server's fault, or
no answer: it forbids, RFC 9309, 2.3.1.4).

Where a long walk through a listing was broken off, so that the next one goes on there: the pagination_cursors table.

A listing whose older pages were left for later is read from both ends of the gap: first from its beginning, down to
what was found before the walk was cut; then on from the page the walk had come to. Only then was its pass a whole one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from archive.dates import to_iso
from archive.quarantine import update_link_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One agency's round as a worker has it."""

    agency: str
    token: int
    applied: int
    crawl: int | None  # the row in crawls of the pass that goes on
    counters: str | None  # what that pass has come to so far, as JSON
    ended: str | None


JOB_COLUMNS = ", ".join(Job.__dataclass_fields__)


class Jobs:
    """the jobs table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, agency: str) -> Job | None:
        """An agency's newest errand."""
        return next(iter(self._find("agency = ?", agency)), None)

    def list_unfinished(self) -> list[Job]:
        """Those that have not ended."""
        return self._find("ended is ?", None)

    def start(self, agency: str, token: int, started_at: datetime, applied: int) -> None:
        """An agency's round is handed out; what an older token sends from now on is of no effect."""
        self.db.execute(
            "insert or replace into jobs (agency, token, started, applied) values (?, ?, ?, ?)",
            [agency, token, to_iso(started_at), applied],
        )

    def mark_applied(self, agency: str, applied: int, *, crawl: int | None, tally: str | None) -> None:
        """A message has been applied."""
        self.db.execute(
            "update jobs set applied = ?, crawl = ?, counters = ? where agency = ?", [applied, crawl, tally, agency]
        )

    def finish(self, agency: str, ended_at: datetime) -> None:
        """The round has come to its end."""
        self.db.execute("update jobs set ended = ?, counters = null where agency = ?", [to_iso(ended_at), agency])

    def _find(self, condition: str, value: object) -> list[Job]:
        rows = self.db.execute(f"select {JOB_COLUMNS} from jobs where {condition} order by agency", [value])
        return [Job(**dict(zip(Job.__dataclass_fields__, row, strict=True))) for row in rows.fetchall()]


FAILED_RETRY = timedelta(hours=1)  # doubled at every further failure
GONE_RETRY = timedelta(days=1)  # a page may be listed before it answers; doubled as well
REJECTED_RETRY = timedelta(days=1)  # a refused page may have been mended, or our rule
URL_REUSE_AFTER = timedelta(days=30)
MAX_CHECK_AHEAD = timedelta(days=366)  # no check is planned that far ahead: a clock was wrong
MAX_RETRY_WAIT = timedelta(days=7)
LATEST_DATE_SQL = "max(coalesce(r.published, r.updated, r.first_seen), coalesce(r.updated, r.published, r.first_seen))"
# a month alone is no date to SQLite
LATEST_DAY_SQL = f"case when length({LATEST_DATE_SQL}) = 7 then {LATEST_DATE_SQL} || '-01' else {LATEST_DATE_SQL} end"
EDIT_COUNT_SQL = "(select count(*) from revisions v where v.release = r.id and v.cause = 'source')"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierEntry:
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


FRONTIER_COLUMNS = ", ".join(FrontierEntry.__dataclass_fields__)
RELEASE_ENTRIES_SQL = (
    f"select {FRONTIER_COLUMNS}, rowid as number from frontier where agency = :agency and role = 'release'"
)


class Frontier:
    """The frontier table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, url: str) -> FrontierEntry | None:
        """One address, if it was ever found."""
        row = self.db.execute(f"select {FRONTIER_COLUMNS} from frontier where url = ?", [url]).fetchone()
        return to_frontier_entry(row) if row else None

    def add(
        self,
        url: str,
        *,
        agency: str,
        role: str,
        seen_at: datetime,
        source: str | None = None,
        listed: str | None = None,
        crawl_started: datetime | None = None,
    ) -> bool:
        """Remember an address and the source that named it first; True where it was never found before.

        What its source dates later than before (`listed`) becomes due again: a release held, lost or aside, unless it
        was read after that date, be it a day or a moment, or after `begun`, the crawl's own beginning; and a
        sitemap, before it is asked for, so that a crawl killed meanwhile does not take it for read.
        """
        added = self.db.execute(
            "insert or ignore into frontier (url, agency, role, state, first_seen, source, listed)"
            " values (?, ?, ?, 'due', ?, ?, ?)",
            [url, agency, role, to_iso(seen_at), source, listed],
        ).rowcount
        if not added and listed:
            self.db.execute(
                "update frontier set listed = :listed, state = case when state = 'done'"
                " or (state in ('stored', 'gone', 'quarantined') and listed is not null and fetched < :begun"
                " and :listed >= substr(fetched, 1, length(:listed))) then 'due' else state end"
                " where url = :url and (listed is null or listed < :listed)",
                {"url": url, "listed": listed, "begun": to_iso(crawl_started or seen_at)},
            )
        if not added:  # an address whose release stands elsewhere by now may be used for another one day
            self.db.execute(
                "update frontier set state = 'due' where url = ? and state = 'stored' and fetched < ?"
                " and url <> (select url from releases where id = frontier.release)",
                [url, to_iso((crawl_started or seen_at) - URL_REUSE_AFTER)],
            )
        return bool(added)

    def list_due(
        self, agency: str, now: datetime, limit: int, exclude: frozenset[str] = frozenset()
    ) -> list[FrontierEntry]:
        """Up to `limit` releases of an agency that are due, oldest find first, without those in `leave`."""
        # parted, lest an agency's thousands of held rows are sorted at every page
        rows = self.db.execute(
            f"select {FRONTIER_COLUMNS} from (select * from ({RELEASE_ENTRIES_SQL} and state = 'due' order by first_seen, rowid"
            " limit :limit) union all select * from"
            # one that is held is looked at again by its age, not here
            f" ({RELEASE_ENTRIES_SQL} and state in ('failed', 'rejected', 'gone', 'quarantined') and release is null"
            " and next_due <= :now order by first_seen, rowid limit :limit)) order by first_seen, number limit :limit",
            {"agency": agency, "now": to_iso(now), "limit": limit + len(exclude)},
        )
        return [row for row in map(to_frontier_entry, rows) if row.url not in exclude][:limit]

    def list_stale(self, agency: str, now: datetime, limit: int) -> list[str]:
        """Addresses of up to `limit` held releases of an agency that are due to be looked at again.

        The newest and the most edited first; a quarter of them, though, are those that have waited longest, so
        that none is left out for ever where not all can be asked.
        """
        ordered: dict[str, None] = {}
        for order, share in (
            (f"(julianday(:now) - julianday({LATEST_DAY_SQL})) / (1 + {EDIT_COUNT_SQL})", limit - limit // 4),
            ("coalesce(r.next_check, r.last_checked)", limit),
        ):
            rows = self.db.execute(
                "select r.url from releases r where r.agency = :agency and r.moved_to is null"
                " and (r.next_check is null or r.next_check <= :now or r.next_check > :far)"
                f" order by {order}, r.id limit :limit",
                {
                    "agency": agency,
                    "now": to_iso(now),
                    "far": to_iso(now + MAX_CHECK_AHEAD),
                    "limit": share + len(ordered),
                },
            )
            ordered |= dict.fromkeys(url for (url,) in rows)
        return list(ordered)[:limit]

    def has_other_urls(self, url: str, visited: str) -> bool:
        """Whether yet another address than these two led to the release held under `url`."""
        row = self.db.execute(
            "select 1 from frontier where release = (select release from frontier where url = :url)"
            " and url not in (:url, :visited) limit 1",
            {"url": url, "visited": visited},
        ).fetchone()
        return row is not None

    def mark_stored(self, url: str, release_id: int, seen_at: datetime) -> None:
        """The address is known to hold a release. Nothing is written where that was known already."""
        row = self.get(url)
        if not row or (row.state, row.release) != ("stored", release_id):
            self._update(url, "stored", seen_at, release_id=release_id)

    def mark_read(
        self, url: str, release_id: int, seen_at: datetime, *, etag: str | None, last_modified: str | None
    ) -> None:
        """The address answered with its release. The answer's validators are the only ones from now on."""
        row = self.get(url)
        told = ("stored", release_id, etag, last_modified)
        if not row or (row.state, row.release, row.etag, row.last_modified) != told:
            self.db.execute("update frontier set etag = null, last_modified = null where url = ?", [url])
            self._update(url, "stored", seen_at, etag=etag, last_modified=last_modified, release_id=release_id)

    def mark_done(
        self,
        url: str,
        seen_at: datetime,
        *,
        link_count: int | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> None:
        """A source's whole pass ended; what was found before now counts as known. `links`: how many it named."""
        self._update(url, "done", seen_at, etag=etag, last_modified=last_modified)
        if link_count is not None:
            self.db.execute("update frontier set links = ? where url = ?", [link_count, url])

    def set_link_count(self, source: str, link_count: int) -> None:
        """A source names so many releases now."""
        update_link_count(self.db, source, link_count)

    def list_known_entries(self, source: str) -> list[FrontierEntry]:
        """What a source that has not changed still lists, as far as it was the first to name it."""
        rows = self.db.execute(
            f"select {FRONTIER_COLUMNS} from frontier where source = :source order by first_seen desc"
            " limit (select coalesce(links, 0) from frontier where url = :source)",
            {"source": source},
        )
        return [to_frontier_entry(row) for row in rows]

    def mark_rejected(self, url: str, seen_at: datetime, problem: str) -> None:
        """The address answered, but no release could be read."""
        self._schedule_retry(url, "rejected", seen_at, problem, REJECTED_RETRY)

    def mark_gone(self, url: str, seen_at: datetime, problem: str) -> None:
        """The address answered 404 or 410; it is looked at again, ever more seldom, for it may come back."""
        self._schedule_retry(url, "gone", seen_at, problem, GONE_RETRY)

    def mark_quarantined(self, url: str, seen_at: datetime, problem: str) -> None:
        """The address was read, and what was read is kept aside."""
        self._schedule_retry(url, "quarantined", seen_at, problem, REJECTED_RETRY)

    def mark_failed(self, url: str, seen_at: datetime, problem: str) -> None:
        """The address did not answer; it is tried again, ever more seldom."""
        self._schedule_retry(url, "failed", seen_at, problem, FAILED_RETRY)

    def _schedule_retry(self, url: str, state: str, seen_at: datetime, problem: str, first_wait: timedelta) -> None:
        row = self.get(url)
        tries = row.tries + 1 if row else 1
        wait = min(first_wait * 2 ** min(tries - 1, 10), MAX_RETRY_WAIT)
        self._update(url, state, seen_at, problem=problem, next_due=seen_at + wait, tries=tries)

    def _update(
        self,
        url: str,
        state: str,
        seen_at: datetime,
        *,
        problem: str | None = None,
        next_due: datetime | None = None,
        tries: int = 0,
        etag: str | None = None,
        last_modified: str | None = None,
        release_id: int | None = None,
    ) -> None:
        self.db.execute(
            "update frontier set state = :state, fetched = :fetched, problem = :problem, next_due = :next_due,"
            " tries = :tries, etag = coalesce(:etag, etag), last_modified = coalesce(:last_modified, last_modified),"
            " release = coalesce(:release, release) where url = :url",
            {
                "url": url,
                "state": state,
                "fetched": to_iso(seen_at),
                "problem": problem,
                "next_due": to_iso(next_due),
                "tries": tries,
                "etag": etag,
                "last_modified": last_modified,
                "release": release_id,
            },
        )


def to_frontier_entry(values: tuple[object, ...]) -> FrontierEntry:
    """A row of the table as a Row."""
    return FrontierEntry(**dict(zip(FrontierEntry.__dataclass_fields__, values, strict=True)))  # type: ignore[arg-type] # the table's own types


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPause:
    """A host is left in peace until a moment (ISO 8601, UTC), and why."""

    host: str
    until: str
    reason: str


class Hosts:
    """The hosts table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def store_robots(self, host: str, state: str, seen_at: datetime, text: str | None = None) -> None:
        """robots.txt was answered: `allowed` with its text, or `absent`."""
        self.db.execute(
            "insert into hosts (host, robots, robots_since, robots_text, robots_seen) values"
            " (:host, :state, :seen, :text, :seen) on conflict (host) do update set robots_text = :text,"
            " robots_since = case when robots is :state then robots_since else :seen end,"
            " robots = :state, robots_seen = :seen",
            {"host": host, "state": state, "text": text, "seen": to_iso(seen_at)},
        )

    def mark_robots_unreachable(self, host: str, seen_at: datetime) -> tuple[datetime, str | None]:
        """robots.txt could not be read: since when that is so, and the text that was read last, if any."""
        self.db.execute(
            "insert into hosts (host, robots, robots_since) values (:host, 'unreachable', :seen)"
            " on conflict (host) do update set robots_since ="
            " case when robots is 'unreachable' then robots_since else :seen end, robots = 'unreachable'",
            {"host": host, "seen": to_iso(seen_at)},
        )
        since, text = self.db.execute("select robots_since, robots_text from hosts where host = ?", [host]).fetchone()
        return datetime.fromisoformat(since), text

    def list_pauses(self, now: datetime) -> dict[str, HostPause]:
        """The hosts that are to be left in peace at a moment."""
        rows = self.db.execute(
            "select host, paused_until, pause_reason from hosts where paused_until > ?", [to_iso(now)]
        )
        return {host: HostPause(host=host, until=until, reason=reason) for host, until, reason in rows}

    def pause(
        self,
        host: str,
        now: datetime,
        reason: str,
        *,
        first_wait: timedelta,
        max_wait: timedelta,
        requested_wait: timedelta | None = None,
    ) -> HostPause:
        """Leave a host in peace: `first`, doubled at each further pause without an answer in between, `longest` at
        most; or for as long as it has asked for itself, if that is more."""
        row = self.db.execute("select pauses from hosts where host = ?", [host]).fetchone()
        before = row[0] if row else 0
        wait = min(max(first_wait * 2 ** min(before, 20), requested_wait or first_wait), max_wait)
        told = HostPause(host=host, until=to_iso(now + wait) or "", reason=reason)
        self.db.execute(
            "insert into hosts (host, paused_until, pause_reason, pauses) values (?, ?, ?, 1) on conflict (host) do"
            " update set paused_until = excluded.paused_until, pause_reason = excluded.pause_reason,"
            " pauses = pauses + 1",
            [host, told.until, reason],
        )
        return told

    def set_agency_pauses(self, reasons: dict[str, str | None]) -> None:
        """Why an operator has paused these agencies; None: they are not."""
        for slug, reason in reasons.items():
            self.db.execute(
                "update agencies set paused = :reason where slug = :slug and paused is not :reason",
                {"slug": slug, "reason": reason},
            )

    def clear_pause(self, host: str) -> None:
        """A host answers again: its next pause, if any, is a short one."""
        self.db.execute(
            "update hosts set paused_until = null, pause_reason = null, pauses = 0 where host = ? and pauses > 0",
            [host],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaginationCursor:
    """A listing's cursor."""

    listing_url: str  # its first page
    next_url: str  # the page to go on with
    page_number: int  # which page of the listing that is
    interrupted_at: str  # when the walk was broken off; what was found by then is known


class PaginationCursors:
    """the pagination_cursors table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, listing_url: str) -> PaginationCursor | None:
        """Where to go on with a listing; None where its last walk came to its end."""
        row = self.db.execute(
            "select listing, next_url, page_number, interrupted from pagination_cursors where listing = ?",
            [listing_url],
        ).fetchone()
        return (
            PaginationCursor(listing_url=row[0], next_url=row[1], page_number=row[2], interrupted_at=row[3])
            if row
            else None
        )

    def save(self, listing_url: str, *, agency: str, next_url: str, page_number: int, interrupted_at: datetime) -> None:
        """Break a walk off before a page."""
        self.db.execute(
            "insert or replace into pagination_cursors (listing, agency, next_url, page_number, interrupted) values (?, ?, ?, ?, ?)",
            [listing_url, agency, next_url, page_number, to_iso(interrupted_at)],
        )

    def delete(self, listing_url: str) -> None:
        """A listing's walk has come to its end, or must begin anew."""
        self.db.execute("delete from pagination_cursors where listing = ?", [listing_url])

    def delete_except(self, agency: str, listing_urls: Collection[str]) -> None:
        """End an agency's walks through listings that are none of these."""
        rows = self.db.execute("select listing from pagination_cursors where agency = ?", [agency]).fetchall()
        for (listing,) in rows:
            if listing not in listing_urls:
                self.delete(listing)
