"""URL frontier, pagination cursors, host state, jobs of distributed workers.

Which agencies' rounds are out with workers on other machines, the errands table: one row an agency, its newest.

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

Where a long walk through a listing was broken off, so that the next one goes on there: the walks table.

A listing whose older pages were left for later is read from both ends of the gap: first from its beginning, down to
what was found before the walk was cut; then on from the page the walk had come to. Only then was its pass a whole one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from archive.dates import to_text
from archive.quarantine import note_links


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One agency's round as a worker has it."""

    agency: str
    token: int
    applied: int
    crawl: int | None  # the row in crawls of the pass that goes on
    tally: str | None  # what that pass has come to so far, as JSON
    ended: str | None


JOB_COLUMNS = ", ".join(Errand.__dataclass_fields__)


class Errands:
    """The errands table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, agency: str) -> Errand | None:
        """An agency's newest errand."""
        return next(iter(self._find("agency = ?", agency)), None)

    def out(self) -> list[Errand]:
        """Those that have not ended."""
        return self._find("ended is ?", None)

    def begin(self, agency: str, token: int, at: datetime, applied: int) -> None:
        """An agency's round is handed out; what an older token sends from now on is of no effect."""
        self.db.execute(
            "insert or replace into errands (agency, token, begun, applied) values (?, ?, ?, ?)",
            [agency, token, to_text(at), applied],
        )

    def note(self, agency: str, applied: int, *, crawl: int | None, tally: str | None) -> None:
        """A message has been applied."""
        self.db.execute(
            "update errands set applied = ?, crawl = ?, tally = ? where agency = ?", [applied, crawl, tally, agency]
        )

    def end(self, agency: str, at: datetime) -> None:
        """The round has come to its end."""
        self.db.execute("update errands set ended = ?, tally = null where agency = ?", [to_text(at), agency])

    def _find(self, condition: str, value: object) -> list[Errand]:
        rows = self.db.execute(f"select {JOB_COLUMNS} from errands where {condition} order by agency", [value])
        return [Errand(**dict(zip(Errand.__dataclass_fields__, row, strict=True))) for row in rows.fetchall()]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A host is left in peace until a moment (ISO 8601, UTC), and why."""

    host: str
    until: str
    reason: str


class Hosts:
    """The hosts table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def robots_read(self, host: str, state: str, seen: datetime, text: str | None = None) -> None:
        """robots.txt was answered: `allowed` with its text, or `absent`."""
        self.db.execute(
            "insert into hosts (host, robots, robots_since, robots_text, robots_seen) values"
            " (:host, :state, :seen, :text, :seen) on conflict (host) do update set robots_text = :text,"
            " robots_since = case when robots is :state then robots_since else :seen end,"
            " robots = :state, robots_seen = :seen",
            {"host": host, "state": state, "text": text, "seen": to_text(seen)},
        )

    def robots_unreachable(self, host: str, seen: datetime) -> tuple[datetime, str | None]:
        """robots.txt could not be read: since when that is so, and the text that was read last, if any."""
        self.db.execute(
            "insert into hosts (host, robots, robots_since) values (:host, 'unreachable', :seen)"
            " on conflict (host) do update set robots_since ="
            " case when robots is 'unreachable' then robots_since else :seen end, robots = 'unreachable'",
            {"host": host, "seen": to_text(seen)},
        )
        since, text = self.db.execute("select robots_since, robots_text from hosts where host = ?", [host]).fetchone()
        return datetime.fromisoformat(since), text

    def pauses(self, now: datetime) -> dict[str, Pause]:
        """The hosts that are to be left in peace at a moment."""
        rows = self.db.execute(
            "select host, paused_until, pause_reason from hosts where paused_until > ?", [to_text(now)]
        )
        return {host: Pause(host=host, until=until, reason=reason) for host, until, reason in rows}

    def pause(
        self,
        host: str,
        now: datetime,
        reason: str,
        *,
        first: timedelta,
        longest: timedelta,
        asked: timedelta | None = None,
    ) -> Pause:
        """Leave a host in peace: `first`, doubled at each further pause without an answer in between, `longest` at
        most; or for as long as it has asked for itself, if that is more."""
        row = self.db.execute("select pauses from hosts where host = ?", [host]).fetchone()
        before = row[0] if row else 0
        wait = min(max(first * 2 ** min(before, 20), asked or first), longest)
        told = Pause(host=host, until=to_text(now + wait) or "", reason=reason)
        self.db.execute(
            "insert into hosts (host, paused_until, pause_reason, pauses) values (?, ?, ?, 1) on conflict (host) do"
            " update set paused_until = excluded.paused_until, pause_reason = excluded.pause_reason,"
            " pauses = pauses + 1",
            [host, told.until, reason],
        )
        return told

    def mark_paused(self, reasons: dict[str, str | None]) -> None:
        """Why an operator has paused these agencies; None: they are not."""
        for slug, reason in reasons.items():
            self.db.execute(
                "update agencies set paused = :reason where slug = :slug and paused is not :reason",
                {"slug": slug, "reason": reason},
            )

    def relieve(self, host: str) -> None:
        """A host answers again: its next pause, if any, is a short one."""
        self.db.execute(
            "update hosts set paused_until = null, pause_reason = null, pauses = 0 where host = ? and pauses > 0",
            [host],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A listing's cursor."""

    listing: str  # its first page
    following: str  # the page to go on with
    page: int  # which page of the listing that is
    cut: str  # when the walk was broken off; what was found by then is known


class Walks:
    """The walks table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, listing: str) -> Walk | None:
        """Where to go on with a listing; None where its last walk came to its end."""
        row = self.db.execute("select listing, following, page, cut from walks where listing = ?", [listing]).fetchone()
        return Walk(listing=row[0], following=row[1], page=row[2], cut=row[3]) if row else None

    def cut(self, listing: str, *, agency: str, following: str, page: int, at: datetime) -> None:
        """Break a walk off before a page."""
        self.db.execute(
            "insert or replace into walks (listing, agency, following, page, cut) values (?, ?, ?, ?, ?)",
            [listing, agency, following, page, to_text(at)],
        )

    def end(self, listing: str) -> None:
        """A listing's walk has come to its end, or must begin anew."""
        self.db.execute("delete from walks where listing = ?", [listing])

    def keep(self, agency: str, listings: Collection[str]) -> None:
        """End an agency's walks through listings that are none of these."""
        rows = self.db.execute("select listing from walks where agency = ?", [agency]).fetchall()
        for (listing,) in rows:
            if listing not in listings:
                self.end(listing)
