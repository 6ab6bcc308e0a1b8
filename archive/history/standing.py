"""Where a release stands by the last look: whether it moved, is gone or in doubt, or could not be looked at."""

from __future__ import annotations

from dataclasses import dataclass

from archive.history import find_end
from archive.search import Run

ROW = """
    select r.url, r.moved_to, f.state, f.problem, f.fetched
    from releases r left join frontier f on f.url = r.url where r.id = :release
"""
AWAY = """
    select kind, first_seen, last_seen, checks, confirmed, status, target, moved_to from removals
    where release = :release and ended is null order by id desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a reader must know before reading.

    kind: moved, gone (confirmed), doubt (not confirmed), outage, forbidden (by robots.txt), unread (it answers,
    but not with what can be read).
    """

    kind: str
    since: str  # when it was first seen so
    until: str  # when it was last seen so
    removal: str | None = None  # of gone and doubt: the kind in removals
    checks: int = 0
    confirmed: str | None = None
    status: int | None = None
    target: str | None = None  # where it led to, or the title of what stands there
    moved_to: int | None = None  # the release that its record goes on as
    problem: str | None = None  # in the crawler's words


async def find_standing(run: Run, release: int, looked: str) -> Standing | None:
    """None where the release stood as held by the last look; `looked` is when it last did."""
    row = (await run(ROW, {"release": release}))[0]
    away = [dict(found) for found in await run(AWAY, {"release": release})]
    if row["moved_to"] is not None:
        move = next((found for found in away if found["kind"] == "moved"), None)
        when = move["first_seen"] if move else looked
        end = await find_end(run, release)
        return Standing(kind="moved", since=when, until=when, target=move["target"] if move else None, moved_to=end)
    found = next((found for found in away if found["kind"] != "moved"), None)
    if found:
        return Standing(
            kind="gone" if found["confirmed"] else "doubt",
            since=found["first_seen"],
            until=found["last_seen"],
            removal=found["kind"],
            **{name: found[name] for name in ("checks", "confirmed", "status", "target")},
        )
    if row["state"] not in ("failed", "refused") or not row["fetched"]:
        return None
    problem = (row["problem"] or "").removeprefix(f"{row['url']}: ")
    kind = "outage" if row["state"] == "failed" else "forbidden" if "robots.txt" in problem else "unread"
    return Standing(kind=kind, since=looked, until=row["fetched"], problem=problem or None)
