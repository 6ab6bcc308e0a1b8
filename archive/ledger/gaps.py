"""Gaps by name: addresses that a source lists and the archive does not hold, since when, and what came of them.

`state` says why an address is missing: unseen (no crawl has found it), due (found, not yet read), failed (it did not
answer), aside (read, and kept aside); or why it is no gap any more: filled, refused (no release could be read there),
unlisted (no source lists it any more, and it was never read). No function commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlite_utils import Database

from archive.frontier import Frontier
from archive.ledger.found import Found, find_all
from archive.ledger.sources import Entry
from archive.times import to_text

OPEN = ("unseen", "due", "failed", "aside")
IS_OPEN = "state in ('unseen', 'due', 'failed', 'aside')"


def note_gaps(
    db: Database,
    agency: str,
    missing: Mapping[str, tuple[Entry, str | None]],
    found: Mapping[str, Found],
    now: datetime,
    *,
    whole: bool,
) -> None:
    """Remember what is missing now, with its month; what was missing and no longer is gets its end.

    whole: every source was read to its end; else what was not named may still be listed.
    """
    db.conn.executemany(
        "insert into gaps (url, agency, source, month, listed, state, first_missed, last_missed)"
        " values (:url, :agency, :source, :month, :listed, :state, :now, :now) on conflict (url) do update set"
        " source = :source, month = :month, listed = :listed, state = :state, last_missed = :now, filled = null",
        [
            {
                **{"url": url, "agency": agency, "source": entry.origin, "month": month, "now": to_text(now)},
                **{"listed": entry.published or entry.listed, "state": found[url].state},
            }
            for url, (entry, month) in missing.items()
        ],
    )
    rows = db.execute(f"select url from gaps where agency = ? and ({IS_OPEN} or state = 'unlisted')", [agency])
    before = {url for (url,) in rows} - missing.keys()
    for url, known in find_all(db, before).items():
        if known.part == "held":
            state = "filled"
        elif known.part == "refused":
            state = "refused"
        elif whole:
            state = "unlisted"
        else:
            continue
        filled = to_text(now) if state == "filled" else None
        db.execute("update gaps set state = ?, filled = ? where url = ?", [state, filled, url])


def refill(db: Database, agency: str, now: datetime) -> int:
    """Make what the last stocktaking found missing due, so that the next news crawl reads it; how many that are."""
    frontier, due = Frontier(db), 0
    rows = db.execute(
        "select url, source, listed from gaps where agency = ? and state in ('unseen', 'failed')", [agency]
    ).fetchall()
    for url, source, listed in rows:
        frontier.add(url, agency=agency, role="release", seen=now, source=source, listed=listed)
        due += db.execute(
            "update frontier set state = 'due', next_due = null where url = ? and state in ('due', 'failed')"
            " and release is null and agency = ?",
            [url, agency],
        ).rowcount
        db.execute("update gaps set state = 'due' where url = ?", [url])
    return due
