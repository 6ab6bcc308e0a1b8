"""Checks that the archive recorded removals and moves as what they were, and no removals during
outages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from archive.times import to_iso
from tests.harness.year.events import MOVES, OUTAGES, REMOVALS, Event
from tests.harness.year.history import History, Look
from tests.harness.year.told import Row, Told, Verdict, find_row, is_same
from tests.harness.year.world import Subject

FALSE = "removals invented"
OUTAGE = "outages called removals"
RETURNED = "removed, and back again"
DAY = timedelta(days=1)


def judge_removals(history: History, told: Told, verdict: Verdict) -> None:
    """Check each removal against the table removals; any other row there is invented, or comes from
    an outage.
    """
    explained: set[int] = set()
    for subject in history.world.subjects.values():
        rows = told.removals_of(told.ids(subject))
        for begin, end in find_removals(subject):
            name = REMOVALS[begin.kind][0]
            verdict.count(name)
            looks = [
                look for look in history.looks[subject.key] if is_within(look.moment, begin, end)
            ]
            if not looks:
                continue
            back = next(
                (r for r in history.readings(subject.key) if end and r.moment > end.moment), None
            )
            row = find_row(rows, looks[0].moment, "first_seen")
            explained |= {row["id"]} if row else set()
            where = f"{subject.url}: {to_iso(begin.moment)}"
            misses = find_misses(row, looks, REMOVALS[begin.kind][1], back)
            verdict.judge(name, misses, f"{where}: ")
            if back:
                gone = [told.releases[key]["removed_at"] for key in told.ids(subject)]
                is_told = row and is_same(row["ended"], back.moment) and not any(gone)
                wrong = f"{where}: not told as back: {row and row['ended']}, {gone}"
                verdict.count_and_judge(RETURNED, *([] if is_told else [wrong]))
        explained |= {row["id"] for row in rows if is_passing(row, subject, history)}
    judge_unexplained_removals(history, told, explained, verdict)


def find_removals(subject: Subject) -> Iterator[tuple[Event, Event | None]]:
    """Yield, for each removal of a release, the event that began it and the one that ended it, or
    None.
    """
    for n, standing in enumerate(subject.record):
        if standing.release is None and standing.event:
            following = subject.record[n + 1].event if n + 1 < len(subject.record) else None
            yield standing.event, following


def is_within(moment: datetime, begin: Event, end: Event | None) -> bool:
    return begin.moment < moment and (end is None or moment < end.moment)


def find_misses(
    row: Row | None, looks: list[Look], kinds: tuple[str, ...], back: Look | None
) -> Iterator[str]:
    """Yield what the archive recorded wrongly about a removal, given the requests that could see
    it.
    """
    if row is None:
        yield f"not told; first looked at {to_iso(looks[0].moment)}"
        return
    if row["kind"] not in kinds:
        yield f"told as {row['kind']}, not as {' or '.join(kinds)}"
    span = looks[-1].moment - looks[0].moment
    if row["confirmed"] is None:
        if len(looks) >= 4 and span >= 3 * DAY:
            yield f"not confirmed after {len(looks)} looks over {span}"
    else:
        moment = datetime.fromisoformat(row["confirmed"])
        before = [
            look for look in looks if look.moment.astimezone(UTC) <= moment + timedelta(minutes=10)
        ]
        if moment - looks[0].moment < DAY - timedelta(minutes=10) or len(before) < 2:
            yield (
                f"confirmed at {row['confirmed']}, after {len(before)} looks since"
                f" {to_iso(looks[0].moment)}"
            )
    if back is None and row["ended"] is not None:
        yield f"told as back at {row['ended']}"


def is_passing(row: Row, subject: Subject, history: History) -> bool:
    """Return whether an unconfirmed removal ended because its text was found at a new address,
    without a redirect.
    """
    anew = [event for event in history.moved(subject) if event.kind == "anew"]
    return bool(anew) and row["confirmed"] is None and row["ended"] is not None


def judge_unexplained_removals(
    history: History, told: Told, explained: set[int], verdict: Verdict
) -> None:
    """Report removals that no event of the plan explains."""
    for row in told.removals:
        if row["kind"] == "moved" or row["id"] in explained:
            continue
        release = told.releases[row["release"]]
        first = datetime.fromisoformat(row["first_seen"])
        down = [
            kind
            for kind, begin, end in history.down(release["agency"])
            if begin <= first <= end + 10 * DAY / 1440
        ]
        how = f"{row['kind']} {row['target']} {down}"
        verdict.count_and_judge(
            OUTAGE if down else FALSE, f"{release['url']}: {row['first_seen']}: {how}"
        )


def judge_moves(history: History, told: Told, verdict: Verdict) -> None:
    """Check each move against the table removals, and report moves that did not happen."""
    for subject in history.world.subjects.values():
        moves = history.moved(subject)
        ids = told.ids(subject)
        rows = [row for row in told.removals if row["release"] in ids and row["kind"] == "moved"]
        if not moves:
            for row in rows:
                where = f"{subject.url}: {row['first_seen']}"
                verdict.count_and_judge(FALSE, f"{where}: moved to {row['target']}")
            continue
        name = MOVES[moves[0].kind]
        verdict.count(name)
        former = {urlsplit(url).path for url in subject.urls[:-1]}
        last = [look for look in history.looks[subject.key] if look.moment > moves[-1].moment]
        old = [look for look in last if look.path in former]
        if not old or (moves[0].kind == "anew" and not any(look.reads for look in last)):
            continue  # the old address was not requested, or the new one cannot be known
        if moves[0].kind == "anew" and old[-1].moment - old[0].moment < 2 * DAY:
            continue  # so far, the text only seems to be removed
        asked = {look.path for look in history.looks[subject.key]}
        # some existed too briefly
        urls = [url for url in subject.urls if urlsplit(url).path in asked]
        verdict.judge(name, find_move_misses(urls, told, rows), f"{subject.urls[0]}: ")


def find_move_misses(urls: list[str], told: Told, rows: list[Row]) -> Iterator[str]:
    """Yield what the archive recorded wrongly about a moved release.

    urls: its addresses, the newest last.
    """
    finals = {url: told.final(url) for url in urls}
    ends = set(finals.values())
    if len(ends) != 1 or None in ends:
        yield f"its addresses lead to different releases: {finals}"
        return
    (key,) = ends
    assert key is not None
    row = told.releases[key]
    if row["removed_at"] is not None:
        yield f"told as gone since {row['removed_at']}"
    if row["url"] != urls[-1]:
        yield f"is held as {row['url']}, not {urls[-1]}"
    if not rows:
        yield "no move is told"


def judge_outages(history: History, told: Told, verdict: Verdict) -> None:
    """Check that crawls during outages report errors, and that a robots.txt that forbids everything
    was obeyed.
    """
    for agency in history.world.site.agencies:
        for kind, begin, end in history.down(agency):
            name = OUTAGES[kind]
            verdict.count(name)
            rows = [
                row
                for row in told.crawls
                if row["agency"] == agency and begin <= datetime.fromisoformat(row["started"]) < end
            ]
            if rows:
                misses = find_outage_misses(kind, rows)
                if kind == "robots no":
                    misses += find_trespasses(history, agency, begin, end)
                verdict.judge(name, misses, f"{agency}: {to_iso(begin)}: ")


def find_outage_misses(kind: str, rows: list[Row]) -> list[str]:
    """Return the crawls that made requests but report no problem."""
    count = "rejected" if kind == "robots no" else "errors"
    return [
        f"the {row['spider']} crawl of {row['started']} tells no {count}"
        for row in rows
        if not row[count] and not row["errors"] and (row["requests"] or row["spider"] == "news")
    ]


def find_trespasses(history: History, agency: str, begin: datetime, end: datetime) -> list[str]:
    """Return the requests that robots.txt forbade."""
    return [
        f"{asked.path} was asked for at {to_iso(asked.moment)}"
        for asked in history.log
        if asked.host == f"{agency}.localhost"
        and begin < asked.moment < end
        and asked.path != "/robots.txt"
    ]
