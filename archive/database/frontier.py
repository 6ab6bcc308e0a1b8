"""The crawler's state: URL frontier, pagination cursors, hosts, and jobs of distributed workers.

All four are tables of archive.db, because a page's frontier row and its release must be committed
in one transaction, so that they agree even after kill -9. No method commits: wrap calls in
`Archive.transaction`.

frontier: every URL ever found. `role` is its type: release, feed, sitemap, listing, home, robots,
attachment, capture (a page in a web archive) or captures (an index of such pages). `state` is the
outcome of reading it:

    due          found, not read yet
    stored       read; its release is in the archive
    failed       no usable response (network, 5xx); it will be retried
    rejected     the server responded, but no release could be read in the response
    done         a source that was read to its end
    gone         404 or 410
    quarantined  read and quarantined (quarantined_pages.py); fetched again at intervals, in case
                 the page has been corrected

pagination_cursors: the position at which the reading of each long listing was interrupted. The next
crawl reads the listing from its first page to the releases found before the interruption, and then
from the cursor. Only after that does the listing count as read to its end.

hosts: robots.txt and pauses per host. A host is named as in URLs, with the port unless it is the
scheme's default. `robots` is the outcome of the last request for robots.txt: allowed (it was read),
absent, or unreachable (a server error or no response, which forbids everything: RFC 9309, 2.3.1.4).

jobs: the newest crawl of each agency that was handed to a worker on another machine. `token` is the
number of the worker's lease on the agency, and never decreases. `applied` is the number of the last
message that was applied. Both are written in the transaction that applies the message, so a message
that arrives twice, or from a worker that lost its lease, has no effect.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from archive.times import to_iso

# The first wait until the next attempt; doubled after each further failure
FAILED_RETRY = timedelta(hours=1)  # first wait after a failed request
GONE_RETRY = timedelta(days=1)  # a page may be listed before it is published
REJECTED_RETRY = timedelta(days=1)  # the page or our rules may have been corrected
MAX_RETRY_WAIT = timedelta(days=7)  # also until the next check of a confirmed removal

# When a stored release is fetched again
# the former URL of a moved release may be given to another release
URL_REUSE_AFTER = timedelta(days=30)
# the first checks of imported releases are spread over about three months
MAX_FIRST_CHECK = timedelta(days=100)
LATEST_DATE_SQL = (
    "max(coalesce(r.published, r.updated, r.added), coalesce(r.updated, r.published, r.added))"
)
# SQLite does not accept a month without a day as a date
LATEST_DAY_SQL = (
    f"case when length({LATEST_DATE_SQL}) = 7 then {LATEST_DATE_SQL} || '-01' else"
    f" {LATEST_DATE_SQL} end"
)
EDIT_COUNT_SQL = "(select count(*) from revisions v where v.release = r.id and v.is_edit)"

MIN_SOURCE_LINKS = 4  # a source that lists fewer releases cannot list far fewer than usual


@dataclass(frozen=True, slots=True)
class FrontierEntry:
    """The columns of a frontier row that the crawler needs."""

    url: str
    agency: str
    role: str
    state: str
    first_seen: str
    listed_at: str | None
    fetched_at: str | None
    tries: int
    etag: str | None
    last_modified: str | None
    release_id: int | None
    source: str | None  # source that first listed the URL
    file_title: str | None = None  # for a file: title of the release in the list; for a page: None
    file_day: str | None = None  # for a file: day of publication in the list


# in the order of the fields of FrontierEntry
FRONTIER_COLUMNS = (
    "url, agency, role, state,"
    " first_seen, listed, fetched,"
    " tries, etag, last_modified, release, source, file_title, file_day"
)
ENTRIES_SQL = (
    f"select {FRONTIER_COLUMNS}, rowid as number from frontier where agency = :agency"
    " and role = :role"
)


class Frontier:
    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, url: str) -> FrontierEntry | None:
        row = self.db.execute(
            f"select {FRONTIER_COLUMNS} from frontier where url = ?", [url]
        ).fetchone()
        return FrontierEntry(*row) if row else None

    def has_problem(self, url: str, *problems: str) -> bool:
        """Return whether the last attempt to read a URL had one of the given problems."""
        row = self.db.execute("select problem from frontier where url = ?", [url]).fetchone()
        return bool(row) and row[0] in problems

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
        file_title: str | None = None,
        file_day: str | None = None,
    ) -> bool:
        """Insert a URL with the source that first listed it. Returns True if the URL was new.

        listed: the date that the source gives for the URL. If it is later than the stored date, the
            URL becomes due again in two cases. A source that was read becomes due, so that it does
            not count as read if the crawl is interrupted. A stored, gone or quarantined release
            becomes due unless it was read after that date or since the crawl started.
        file_title, file_day: the title and day that the source gives for a file. If either differs
            from the stored value, a stored file becomes due again.

        A stored time of reading that is later than `seen_at` is ignored, because it was set while
        the clock was wrong.
        """
        added = self.db.execute(
            "insert or ignore into frontier"
            " (url, agency, role, state, first_seen, source, listed, file_title, file_day)"
            " values (?, ?, ?, 'due', ?, ?, ?, ?, ?)",
            [url, agency, role, to_iso(seen_at), source, listed, file_title, file_day],
        ).rowcount
        if not added and listed:
            self.db.execute(
                "update frontier set listed = :listed, state = case when state = 'done'"
                " or (state in ('stored',"
                " 'gone', 'quarantined')"
                " and listed is not null and (fetched > :seen or (fetched < :begun and :listed"
                " >= substr(fetched, 1, length(:listed))))) then 'due' else state end"
                " where url = :url and (listed is null or listed < :listed)",
                {
                    "url": url,
                    "listed": listed,
                    "seen": to_iso(seen_at),
                    "begun": to_iso(crawl_started or seen_at),
                },
            )
        if not added and file_title:
            self.db.execute(
                "update frontier set file_title = :title,"
                " file_day = :day, etag = null,"
                " last_modified = null, state = iif(state = 'stored', 'due', state) where"
                " url = :url and source is :source"
                " and (file_title is not :title or file_day is not :day)"
                # the title of a release that is taken down must not come back
                " and not exists (select 1 from releases where id ="
                " frontier.release and takedown is not null)",
                {"url": url, "source": source, "title": file_title, "day": file_day},
            )
        # the URL is known; if its release has moved, it may be reused for another one
        if not added:
            self.db.execute(
                "update frontier set state = 'due' where url = ?"
                " and state = 'stored' and"
                " (fetched < ? or fetched > ?)"
                " and url <> (select url from releases where id = frontier.release)",
                [url, to_iso((crawl_started or seen_at) - URL_REUSE_AFTER), to_iso(seen_at)],
            )
        return bool(added)

    def list_due(
        self,
        agency: str,
        now: datetime,
        limit: int,
        exclude: frozenset[str] = frozenset(),
        *,
        role: str = "release",
        sources: Collection[str] | None = None,
    ) -> list[FrontierEntry]:
        """Return up to `limit` due URLs of an agency with the given role, in order of discovery.

        URLs in `exclude` are left out.

        sources: return only URLs that were first listed by one of these sources. If None, return
            all due URLs.
        """
        entries = ENTRIES_SQL
        if sources is not None:
            entries += " and source in (select value from json_each(:sources))"
        # two selects, so that an agency's thousands of stored rows are not sorted for each page
        rows = self.db.execute(
            f"select {FRONTIER_COLUMNS} from (select * from"
            f" ({entries} and state = 'due' order by first_seen, rowid limit :limit)"
            " union all select * from"
            # stored releases are checked by age (list_stale); a "fetched" time in the future was
            # set by a wrong clock
            f" ({entries} and state in ('failed', 'rejected', 'gone', 'quarantined')"
            f" and release is null"
            " and (next_due <= :now or fetched > :now) order by first_seen, rowid limit :limit))"
            " order by first_seen, number limit :limit",
            {
                "agency": agency,
                "now": to_iso(now),
                "limit": limit + len(exclude),
                "role": role,
                "sources": json.dumps(list(sources or ())),
            },
        )
        return [
            entry for entry in (FrontierEntry(*row) for row in rows) if entry.url not in exclude
        ][:limit]

    def list_stale(
        self, agency: str, now: datetime, limit: int, longest_interval: timedelta
    ) -> list[str]:
        """Return the URLs of up to `limit` stored releases of an agency that are due for a check.

        A release is also due if its checks were planned while the clock was wrong, that is, if the
        last check is in the future, or if the next one is further ahead than `longest_interval`,
        the longest interval between checks.

        The newest and most edited releases come first. A quarter of the list is kept for the
        releases that have waited longest, so that every release is checked eventually.
        """
        ordered: dict[str, None] = {}
        far = now + max(longest_interval, MAX_RETRY_WAIT)
        times = {
            "now": to_iso(now),
            "far": to_iso(far),
            "first": to_iso(max(far, now + MAX_FIRST_CHECK)),
        }
        for order, share in (
            (
                f"(julianday(:now) - julianday({LATEST_DAY_SQL})) / (1 + {EDIT_COUNT_SQL})",
                limit - limit // 4,
            ),
            ("coalesce(r.next_check, r.last_checked)", limit),
        ):
            rows = self.db.execute(
                "select r.url from releases r where r.agency = :agency and r.moved_to is null"
                " and (r.next_check is null or r.next_check <= :now or r.last_checked > :now"
                " or r.next_check > iif(r.checks = 0, :first, :far)"
                # a check that found no page is only stored in the frontier
                " or exists (select 1 from frontier f where f.url = r.url and f.fetched > :now))"
                f" order by {order}, r.id limit :limit",
                {**times, "agency": agency, "limit": share + len(ordered)},
            )
            ordered |= dict.fromkeys(url for (url,) in rows)
        return list(ordered)[:limit]

    def list_other_urls(self, url: str, now: datetime) -> list[str]:
        """Return the other URLs that led to the release stored under `url`.

        URLs that are waiting for a retry are left out.
        """
        rows = self.db.execute(
            "select f.url from releases r join frontier f on"
            " f.release = r.id where r.url = :url and f.url <> :url"
            " and (f.next_due is null or f.next_due <= :now or f.fetched > :now)",
            {"url": url, "now": to_iso(now)},
        )
        return [other for (other,) in rows]

    def has_other_urls(self, url: str, visited: str) -> bool:
        """Return whether any URLs other than `url` and `visited` led to the release stored under
        `url`.
        """
        condition = (
            "release = (select release from frontier where url = :url) and url not in (:url,"
            " :visited)"
        )
        return (
            self.db.table("frontier").count_where(condition, {"url": url, "visited": visited}) > 0
        )

    def mark_stored(self, url: str, release_id: int, seen_at: datetime) -> None:
        """Record that a URL leads to a stored release, unless this is already recorded."""
        self._update(url, "stored", seen_at, if_other=("state", "release"), release=release_id)

    def mark_read(
        self,
        url: str,
        release_id: int,
        seen_at: datetime,
        *,
        etag: str | None,
        last_modified: str | None,
    ) -> None:
        """Mark a URL as read, and store the response's validators (ETag, Last-Modified) with it."""
        self._update(
            url,
            "stored",
            seen_at,
            if_other=("state", "release", "etag", "last_modified"),
            release=release_id,
            etag=etag,
            last_modified=last_modified,
        )

    def mark_done(
        self,
        url: str,
        seen_at: datetime,
        *,
        link_count: int | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
        problem: str | None = None,
    ) -> None:
        """Mark a source as read to its end.

        An argument that is None leaves the stored value unchanged.

        problem: why no link of the source was used, if this is the case.
        """
        columns: dict[str, Any] = {
            "problem": problem,
            "links": link_count,
            "etag": etag,
            "last_modified": last_modified,
        }
        self._update(
            url,
            "done",
            seen_at,
            **{name: value for name, value in columns.items() if value is not None},
        )

    def set_link_count(self, source: str, link_count: int) -> None:
        """Store how many releases a source lists now. For a paginated listing, only the first page
        counts.

        `usual_links` is also updated, unless the number is less than half of `usual_links` and the
        source usually lists at least MIN_SOURCE_LINKS releases. In that case, `accept_link_count`
        has to update it.
        """
        self.db.execute(
            "update frontier set links = :links, usual_links = case when usual_links >= :few"
            " and 2 * :links < usual_links then usual_links else :links end where url = :source",
            {"source": source, "links": link_count, "few": MIN_SOURCE_LINKS},
        )

    def accept_link_count(self, source: str) -> None:
        """Store the number of releases that a source lists now as its usual number."""
        self.db.execute("update frontier set usual_links = links where url = ?", [source])

    def find_short_sources(self, agency: str) -> dict[str, tuple[int, int]]:
        """Return the sources that list less than half as many releases as usual.

        The result is a map from a source's URL to its current and its usual number of releases.
        """
        rows = self.db.execute(
            "select url, links, usual_links from frontier where"
            " agency = ? and role in ('feed',"
            " 'sitemap', 'listing')"
            " and 2 * links < usual_links",
            [agency],
        )
        return {url: (links, usual) for url, links, usual in rows}

    def is_restarted_list(self, source: str, url: str) -> bool:
        """Return whether a source now lists no release that was found before `url`.

        If so, the list has started again, for example in a new year. A list that has only become
        shorter still contains older releases.
        """
        sql = """
            select count(*) >= (select links from frontier where url = :source) from frontier
            where source = :source and role = 'release'
              and first_seen >= (select first_seen from frontier where url = :url)
        """
        return bool(self.db.execute(sql, {"source": source, "url": url}).fetchone()[0])

    def list_known_entries(self, source: str) -> list[FrontierEntry]:
        """Return the frontier entries of the URLs that an unchanged source lists.

        URLs that another source listed first are left out.
        """
        rows = self.db.execute(
            f"select {FRONTIER_COLUMNS} from"
            f" frontier where source ="
            f" :source order by first_seen desc"
            " limit (select coalesce(links, 0) from frontier where url = :source)",
            {"source": source},
        )
        return [FrontierEntry(*row) for row in rows]

    # The following four methods schedule a retry; the intervals grow with each attempt.

    def mark_rejected(self, url: str, seen_at: datetime, problem: str) -> None:
        self._schedule_retry(url, "rejected", seen_at, problem, REJECTED_RETRY)

    def mark_gone(self, url: str, seen_at: datetime, problem: str) -> None:
        """Mark a URL as gone after a response with 404 or 410. The page may come back."""
        self._schedule_retry(url, "gone", seen_at, problem, GONE_RETRY)

    def mark_quarantined(self, url: str, seen_at: datetime, problem: str) -> None:
        self._schedule_retry(url, "quarantined", seen_at, problem, REJECTED_RETRY)

    def mark_failed(self, url: str, seen_at: datetime, problem: str) -> None:
        self._schedule_retry(url, "failed", seen_at, problem, FAILED_RETRY)

    def _schedule_retry(
        self, url: str, state: str, seen_at: datetime, problem: str, first_wait: timedelta
    ) -> None:
        row = self.get(url)
        tries = row.tries + 1 if row else 1
        wait = min(first_wait * 2 ** min(tries - 1, 10), MAX_RETRY_WAIT)
        self._update(
            url, state, seen_at, problem=problem, next_due=to_iso(seen_at + wait), tries=tries
        )

    def _update(
        self,
        url: str,
        state: str,
        seen_at: datetime,
        *,
        if_other: Sequence[str] = (),
        **columns: object,
    ) -> None:
        """Update the row of a URL.

        if_other: update the row only if one of these columns changes.
        """
        row = {
            "state": state,
            "fetched": to_iso(seen_at),
            "problem": None,
            "next_due": None,
            "tries": 0,
            **columns,
        }
        sets = ", ".join(f"{name} = :{name}" for name in row)
        differs = " or ".join(f"{name} is not :{name}" for name in if_other)
        condition = f" and ({differs})" if differs else ""
        self.db.execute(
            f"update frontier set {sets} where url = :url{condition}", {**row, "url": url}
        )


@dataclass(frozen=True, slots=True)
class PaginationCursor:
    """The position at which reading a listing was interrupted."""

    next_url: str  # the page to continue with
    page_number: int  # its number
    interrupted_at: str  # all releases found before that time are known


class PaginationCursors:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.table = db.table("pagination_cursors")

    def get(self, listing_url: str) -> PaginationCursor | None:
        """Return the cursor of a listing, or None if the listing was last read to its end."""
        sql = "select next_url, page_number, interrupted from pagination_cursors where listing = ?"
        row = self.db.execute(sql, [listing_url]).fetchone()
        return PaginationCursor(*row) if row else None

    def save(
        self,
        listing_url: str,
        *,
        agency: str,
        next_url: str,
        page_number: int,
        interrupted_at: datetime,
    ) -> None:
        """Record that reading a listing was interrupted before the page at `next_url`."""
        row = {
            "listing": listing_url,
            "agency": agency,
            "next_url": next_url,
            "page_number": page_number,
        }
        self.table.insert({**row, "interrupted": to_iso(interrupted_at)}, replace=True)

    def delete(self, listing_url: str) -> None:
        """Delete the cursor of a listing that has been read to its end or will be read from the
        start again.
        """
        self.table.delete_where("listing = ?", [listing_url])

    def delete_except(self, agency: str, listing_urls: Collection[str]) -> None:
        """Delete an agency's cursors for listings that are not in `listing_urls`."""
        condition = "agency = ? and listing not in (select value from json_each(?))"
        self.table.delete_where(condition, [agency, json.dumps(list(listing_urls))])


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPause:
    """The time (ISO 8601, UTC) until which a host must not be contacted, and the reason."""

    host: str
    until: str
    reason: str


class Hosts:
    """Reads and writes the hosts table, and records which agencies the operator has paused."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def store_robots(
        self, host: str, state: str, seen_at: datetime, text: str | None = None
    ) -> None:
        """Store the outcome of a request for robots.txt: `allowed` with the text of the file, or
        `absent`.
        """
        self.db.execute(
            "insert into hosts (host, robots, robots_since, robots_text, robots_seen) values"
            " (:host, :state, :seen, :text, :seen) on conflict (host)"
            " do update set robots_text = :text,"
            " robots_since = case when robots is :state then robots_since else :seen end,"
            " robots = :state, robots_seen = :seen",
            {"host": host, "state": state, "text": text, "seen": to_iso(seen_at)},
        )

    def mark_robots_unreachable(self, host: str, seen_at: datetime) -> tuple[datetime, str | None]:
        """Mark a host's robots.txt as unreachable.

        Returns when it became unreachable, and the text of the last robots.txt that was read (None
        if there is none).
        """
        self.db.execute(
            "insert into hosts (host, robots, robots_since) values (:host, 'unreachable', :seen)"
            " on conflict (host) do update set robots_since = case when robots is 'unreachable'"
            " and robots_since <= :seen then robots_since else :seen end,"
            " robots = 'unreachable'",
            {"host": host, "seen": to_iso(seen_at)},
        )
        since, text = self.db.execute(
            "select robots_since, robots_text from hosts where host = ?", [host]
        ).fetchone()
        return datetime.fromisoformat(since), text

    def list_pauses(self, now: datetime, max_wait: timedelta) -> dict[str, HostPause]:
        """Return the pauses in force, by host.

        Pauses that last longer than `max_wait` are left out, because they were set while the clock
        was wrong.
        """
        rows = self.db.execute(
            "select host, paused_until,"
            " pause_reason from hosts"
            " where paused_until > ? and"
            " paused_until <= ?",
            [to_iso(now), to_iso(now + max_wait)],
        )
        return {
            host: HostPause(host=host, until=until, reason=reason) for host, until, reason in rows
        }

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
        """Pause a host, and return the pause.

        The pause lasts for `first_wait`, doubled for each previous pause since the host last
        responded. It is extended to `requested_wait` (Retry-After) if that is longer, and limited
        to `max_wait`.
        """
        row = self.db.execute("select pauses from hosts where host = ?", [host]).fetchone()
        before = row[0] if row else 0
        wait = min(max(first_wait * 2 ** min(before, 20), requested_wait or first_wait), max_wait)
        pause = HostPause(host=host, until=to_iso(now + wait) or "", reason=reason)
        self.db.execute(
            "insert into hosts (host,"
            " paused_until, pause_reason,"
            " pauses) values (?, ?, ?, 1) on conflict (host) do"
            " update set paused_until ="
            " excluded.paused_until, pause_reason ="
            " excluded.pause_reason, pauses = pauses + 1",
            [host, pause.until, reason],
        )
        return pause

    def set_agency_pauses(self, reasons: dict[str, str | None]) -> None:
        """Store why the operator has paused each agency.

        reasons: a map from each agency's slug to the reason, or to None if the agency is not
            paused.
        """
        for slug, reason in reasons.items():
            self.db.execute(
                "update agencies set paused = :reason where slug = :slug and paused is not :reason",
                {"slug": slug, "reason": reason},
            )

    def clear_pause(self, host: str) -> None:
        """Clear a host's pause, because the host responds again. The host's next pause will be
        short.
        """
        self.db.execute(
            "update hosts set paused_until = null, pause_reason ="
            " null, pauses = 0 where host = ? and pauses > 0",
            [host],
        )


@dataclass(frozen=True, slots=True)
class Job:
    """A crawl of one agency by a worker on another machine."""

    agency: str
    token: int
    applied: int
    crawl_id: int | None  # id of the crawl in progress
    counters: str | None  # that crawl's counters so far, as JSON
    ended: str | None


JOB_COLUMNS = "agency, token, applied, crawl, counters, ended"  # in the order of the fields of Job


class Jobs:
    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, agency: str) -> Job | None:
        return next(iter(self._find("agency = ?", agency)), None)

    def list_unfinished(self) -> list[Job]:
        return self._find("ended is ?", None)

    def start(self, agency: str, token: int, started_at: datetime, applied: int) -> None:
        """Insert an agency's job in place of its previous one.

        Messages of the previous job no longer have any effect.
        """
        row = {"agency": agency, "token": token, "started": to_iso(started_at), "applied": applied}
        self.db.table("jobs").insert(row, replace=True)

    def mark_applied(
        self, agency: str, applied: int, *, crawl: int | None, counters: str | None
    ) -> None:
        """Store the number of the last applied message, and the current crawl with its counters."""
        self.db.table("jobs").update(
            agency, {"applied": applied, "crawl": crawl, "counters": counters}
        )

    def finish(self, agency: str, ended_at: datetime) -> None:
        self.db.table("jobs").update(agency, {"ended": to_iso(ended_at), "counters": None})

    def _find(self, condition: str, value: object) -> list[Job]:
        rows = self.db.execute(
            f"select {JOB_COLUMNS} from jobs where {condition} order by agency", [value]
        )
        return [Job(*row) for row in rows.fetchall()]
