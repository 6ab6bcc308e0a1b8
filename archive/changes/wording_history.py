"""Reads the periods in which releases contained a wording, and the checks between which it appeared
and disappeared.

The history of a release is that of its whole chain of rows (see archive.changes.history). If a page
was parsed again without an edit by the agency, the newest parse counts for the whole time of that
page. If two URLs of a chain were found at the same time, the wording counts as present as long as
one of them has it.

A collection is not a check: an imported version has the times at which its collection had it, and
is only last seen once a check has found it on the web. If they are unknown, its time is that of the
import.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, NamedTuple

from archive.changes.history import find_last_seen
from archive.database.models import find_collection
from archive.database.sqlite_files import RunQuery
from archive.i18n import format_check_pair, format_time, translate

# returns those of some revisions that have a wording
FindWording = Callable[[Sequence[int]], Awaitable[Collection[int]]]

CHAINS_CTE = (  # releases, each with all earlier rows that moved to it
    "with chain(root, id) as (select value, value from json_each(:releases) union"
    " select l.value, r.id from json_each(:releases) l join releases r on r.continues_as = l.value)"
)
READING_SQL = (  # of the collection that an imported version is from
    "iif(v.cause = 'import', (select {}(seen) from observations where revision = v.id), null)"
)
VERSIONS_SQL = f"""
    {CHAINS_CTE} select chain.root, v.id, v.release, v.cause, v.parser_version, v.seen,
      {READING_SQL.format("min")} as first_reading, {READING_SQL.format("max")} as last_reading,
      v.previous, v.capture,
      v.id = r.revision and r.id = chain.root as is_current,
      case when v.id = r.revision then r.last_checked else v.last_seen end as until,
      case when v.id = r.revision then r.checks else v.checks end as checks
    from chain join releases r on r.id = chain.id join revisions v on v.release = r.id
    order by chain.root, v.release, v.cause = 'import', v.id
"""
ABSENCES_SQL = f"""
    {CHAINS_CTE} select chain.root, o.id, o.release, o.kind, o.first_seen, o.ended
    from chain join removals o on o.release = chain.id
    where o.kind = 'moved' or (o.confirmed is not null and o.confirmed is not o.ended)
      order by o.first_seen, o.id
"""


class CheckPair(NamedTuple):
    """Two checks (ISO 8601) between which something changed, or two readings of a collection;
    `after` is None if there was no earlier one.
    """

    after: str | None
    until: str  # of an imported version whose reading is unknown, when it was imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A period in which a release contained a wording."""

    first: int  # ids of the first and last revision that contain it
    last: int
    # first seen at `until`; if `after` is None, it is in the archive's first version
    appeared: CheckPair
    # last seen at `after`, missing at `until`; None: it is still present
    disappeared: CheckPair | None
    # ids of the revisions before and after, without the wording, for a comparison
    before: int | None = None
    after: int | None = None
    removal: int | None = None  # id of the removal with which it disappeared
    # collections that the first version, the last, and the one after that were imported from
    collection: str | None = None
    last_collection: str | None = None
    collection_after: str | None = None
    imported: str | None = None  # when the first version was imported
    is_dated: bool = True  # whether it is known when the collections had these versions
    missing: tuple[
        CheckPair, ...
    ] = ()  # periods in which the release was removed before it was found again

    @property
    def end(self) -> str:
        return self.disappeared.until if self.disappeared else "9"  # later than any time


@dataclass(slots=True)
class PageState:
    """Revisions without an edit by the agency in between: the first, and those parsed again from
    the same page.
    """

    release: int
    first: Mapping[str, Any]  # row of the first revision
    revisions: list[int]
    last_check: str | None = None  # None: imported, and never found on the web
    has_wording: bool = False

    @property
    def last_reading(self) -> str | None:
        """Return the last check that found it, or reading of its collection; None if unknown."""
        return self.last_check or self.first["last_reading"]

    @property
    def last_seen(self) -> str:
        return self.last_reading or str(self.first["when"])

    @property
    def imported(self) -> str | None:
        return str(self.first["seen"]) if self.collection else None

    @property
    def is_dated(self) -> bool:
        return not self.collection or self.first["first_reading"] is not None

    @property
    def collection(self) -> str | None:
        return find_collection(self.first["cause"], self.first["parser_version"])


@dataclass(slots=True)
class ReleaseChain:
    """Everything known about the versions of a release and its earlier rows."""

    root: int
    rows: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # by revision id
    versions: list[PageState] = field(default_factory=list)
    absences: list[Mapping[str, Any]] = field(default_factory=list)


async def read_presences(
    run: RunQuery, releases: Sequence[int], find: FindWording
) -> dict[int, list[Presence]]:
    """Return the presences of a wording in releases, oldest first.

    releases: the last rows of their chains. find: returns those of some revisions that have the
    wording.
    """
    values = {"releases": json.dumps(list(releases))}
    chains = {root: ReleaseChain(root) for root in releases}
    for (root, _), rows in groupby(
        await run(VERSIONS_SQL, values), key=lambda row: (row["root"], row["release"])
    ):
        dated = [{**dict(row), "when": row["first_reading"] or row["seen"]} for row in rows]
        _add_versions(chains[root], dated)
    for row in await run(ABSENCES_SQL, values):
        chains[row["root"]].absences.append(row)
    versions = [version for chain in chains.values() for version in chain.versions]
    found = await find([version.revisions[-1] for version in versions])
    for version in versions:
        version.has_wording = version.revisions[-1] in found
    return {root: _find_presences(chain) for root, chain in chains.items()}


def _add_versions(chain: ReleaseChain, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the versions of one release row; its revisions are given in the order in which they were
    stored.
    """
    version: PageState | None = None
    chain.rows |= {row["id"]: row for row in rows}
    for row in rows:
        if version is None or row["cause"] != "parser":
            version = PageState(row["release"], row, [])
            chain.versions.append(version)
        version.revisions.append(row["id"])
    for version in chain.versions:
        version.last_check = find_last_seen(version.revisions[-1], chain.rows)


def _find_presences(chain: ReleaseChain) -> list[Presence]:
    """Return the presences of a wording in a chain whose versions have been searched for it, oldest
    first.
    """
    found = [
        presence for line in _split_lines(chain) for presence in _find_line_presences(chain, line)
    ]
    merged: list[Presence] = []
    for presence in sorted(found, key=lambda each: (each.appeared.until, each.first)):
        merged.append(
            _merge_presences(merged.pop(), presence) if overlaps(merged, presence) else presence
        )
    return [_add_missing_times(chain, presence) for presence in merged]


def _split_lines(chain: ReleaseChain) -> list[list[PageState]]:
    """Return the versions as sequences, in each of which one version followed the other.

    There are several sequences if pages at two URLs were later found to be the same release.
    """
    lines: list[list[PageState]] = []
    last_lines: dict[int, list[PageState]] = {}  # revision → its sequence
    for version in sorted(chain.versions, key=lambda each: (each.first["when"], each.first["id"])):
        line = last_lines.get(version.first["previous"])
        if line is None or line[-1].last_seen > version.first["when"]:
            line = []
            lines.append(line)
        line.append(version)
        last_lines |= dict.fromkeys(version.revisions, line)
    return lines


def _find_line_presences(chain: ReleaseChain, line: Sequence[PageState]) -> list[Presence]:
    """Return the presences of a wording in a sequence of versions."""
    presences = []
    position = 0  # index of the first version after the group
    for has_wording, group in groupby(line, key=lambda version: version.has_wording):
        versions = list(group)
        start, position = position, position + len(versions)
        if has_wording:
            before = line[start - 1] if start else None
            after = line[position] if position < len(line) else None
            presences.append(_build_presence(chain, versions, before, after))
    return presences


def _build_presence(
    chain: ReleaseChain,
    versions: Sequence[PageState],
    before: PageState | None,
    after: PageState | None,
) -> Presence:
    first, last = versions[0], versions[-1]
    line_part = [*versions, after] if after else versions
    following = after.first["when"] if after else _find_end(chain, last)
    removal = _find_removal(chain, last, following)
    until = removal["first_seen"] if removal else following
    return Presence(
        first=first.revisions[-1],
        last=last.revisions[-1],
        appeared=CheckPair(before.last_reading if before else None, first.first["when"]),
        disappeared=_pair_last_readings(last, until) if until else None,
        before=before.revisions[-1] if before else None,
        after=after.revisions[-1] if after else None,
        removal=removal["id"] if removal else None,
        collection=first.collection,
        last_collection=last.collection,
        collection_after=after.collection if after and not removal else None,
        imported=first.imported,
        is_dated=all(version.is_dated for version in line_part),
    )


def _pair_last_readings(last: PageState, until: str) -> CheckPair:
    """Return when a version was last seen, and when it was first missing.

    The archive may have missed it before a collection had it last: then only this is told.
    """
    return CheckPair(last.last_reading if last.last_seen <= until else None, until)


def _find_end(chain: ReleaseChain, last: PageState) -> str | None:
    """Return when the last version of a sequence was first missing, or None if it is the current
    one, or what a collection had last if the archive has not read the release since then.
    """
    if any(chain.rows[key]["is_current"] for key in last.revisions):
        return None
    if last.collection:
        read = (version.first["when"] for version in chain.versions if not version.collection)
        return min((when for when in read if when > last.first["when"]), default=None)
    others = (version.first["when"] for version in chain.versions)
    later = [when for when in _iter_moves(chain, last.release) if when >= last.last_seen] or [
        when for when in others if when > last.last_seen
    ]
    return min(later, default=max(version.last_seen for version in chain.versions))


def _iter_moves(chain: ReleaseChain, release: int) -> Iterator[str]:
    for row in chain.absences:
        if row["kind"] == "moved" and row["release"] == release:
            yield row["first_seen"]


def _find_removal(
    chain: ReleaseChain, last: PageState, until: str | None
) -> Mapping[str, Any] | None:
    """Return the first confirmed removal after a version was last seen and before the next one was
    found.

    until: when the next version was found. If it is None, there is no next version, and only an
    open removal counts.
    """
    return next(
        (
            row
            for row in chain.absences
            if row["kind"] != "moved"
            and row["release"] == last.release
            and last.last_seen <= row["first_seen"]
            and (row["ended"] is None if until is None else row["first_seen"] <= until)
        ),
        None,
    )


def overlaps(merged: Sequence[Presence], presence: Presence) -> bool:
    """Return whether the wording may have been present all the time from the last of `merged` to a
    later presence.
    """
    if not merged:
        return False
    gone, appeared = merged[-1].disappeared, presence.appeared
    if gone is None:
        return True
    return gone.until >= appeared.until if appeared.after is None else gone.until > appeared.after


def _merge_presences(one: Presence, other: Presence) -> Presence:
    """Merge two presences of a wording that overlap in time, at two URLs or in a collection and on
    the web; `one` was seen first.
    """
    after = [pair.after for pair in (one.appeared, other.appeared)]
    appeared = CheckPair(
        min(filter(None, after)) if all(after) else one.appeared.after, one.appeared.until
    )
    ends = [presence for presence in (one, other) if presence.disappeared is None]
    last = ends[0] if ends else max((one, other), key=lambda each: each.end)
    if bool(one.last_collection) != bool(other.last_collection):
        last = other if one.last_collection else one  # what the archive has read itself
    return replace(
        last,
        first=one.first,
        appeared=appeared,
        collection=one.collection,
        imported=one.imported,
        is_dated=one.is_dated and other.is_dated,
    )


def format_change(language: str, presence: Presence, *, appeared: bool) -> str:
    """Say with which checks or import a wording appeared or disappeared; "" if it did not."""
    pair = presence.appeared if appeared else presence.disappeared
    if pair is None:
        return ""
    what = "appeared" if appeared else "removed" if presence.removal else "disappeared"
    collection = presence.collection if appeared else presence.collection_after
    return translate(
        language,
        f"phrase.{what}.{_choose_source(presence, pair, collection, appeared=appeared)}",
        checks=format_check_pair(language, pair.after, pair.until),
        after=format_time(language, pair.after),
        when=format_time(language, pair.until),
        collection=collection,
    )


def _choose_source(
    presence: Presence, pair: CheckPair, collection: str | None, *, appeared: bool
) -> str:
    """Return what a change is known from, as the ending of a text's key."""
    if collection and not presence.is_dated:
        return "imported"
    if collection:
        return "readings" if pair.after else "reading"
    is_checked = appeared or not presence.last_collection
    return "between" if pair.after and is_checked else "first"


def _add_missing_times(chain: ReleaseChain, presence: Presence) -> Presence:
    """Return a presence with the periods in which the release was temporarily removed."""
    end = presence.disappeared and presence.disappeared.until
    missing = tuple(
        CheckPair(row["first_seen"], row["ended"])
        for row in chain.absences
        if row["kind"] != "moved"
        and row["ended"]
        and row["id"] != presence.removal
        and presence.appeared.until <= row["first_seen"]
        and (end is None or row["ended"] <= end)
    )
    return replace(presence, missing=missing)
