"""Finds the periods in which releases contained a wording.

The start and the end of such a period (`Presence`) each lie between two checks. The history of a
release covers its whole chain of rows (see archive.changes.history). If a page was parsed again
without an edit by the agency, the result of the newest parse is used for the whole period in which
the page had this content. If the pages at two URLs of a chain existed at the same time, the wording
counts as present as long as one of them contains it.

A reading by a collection is not a check. An imported version has the times at which its collection
read it, but it counts as seen only once a check has found it on the web. If the times are unknown,
the collection may have read the version at any time before the import. The version then has a
period of its own only if no other version found before the import contains the wording.
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
    """The times (ISO 8601) of the two checks or readings between which something changed.

    `after` is None if there was no earlier check.
    """

    after: str | None
    until: str  # of an imported version whose reading is unknown, when it was imported


class Import(NamedTuple):
    """The collection that a version was imported from."""

    collection: str
    when: str  # when it was imported
    is_dated: bool  # whether it is known when the collection had it


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
    # of the first version, the last, and the one after that; None: the archive has read it itself
    first_import: Import | None = None
    last_import: Import | None = None
    import_after: Import | None = None
    missing: tuple[
        CheckPair, ...
    ] = ()  # periods in which the release was removed before it was found again

    @property
    def end(self) -> str:
        return self.disappeared.until if self.disappeared else "9"  # later than any time


@dataclass(slots=True)
class PageState:
    """A revision, and the later revisions that were parsed from the same page without an edit by
    the agency.
    """

    release: int
    first: Mapping[str, Any]  # row of the first revision
    revisions: list[int]
    last_check: str | None = None  # None: imported, and never found on the web
    has_wording: bool = False

    @property
    def last_reading(self) -> str | None:
        """Return the time at which the state was last found.

        This is the time of the last check that found it. If no check did, it is the time at which
        its collection last read it, or None if that time is unknown.
        """
        return self.last_check or self.first["last_reading"]

    @property
    def last_seen(self) -> str:
        return self.last_reading or str(self.first["when"])

    @property
    def imported(self) -> Import | None:
        collection = find_collection(self.first["cause"], self.first["parser_version"])
        if collection is None:
            return None
        is_dated = self.first["first_reading"] is not None
        return Import(collection, self.first["seen"], is_dated)

    @property
    def is_undated(self) -> bool:
        return self.imported is not None and not self.imported.is_dated


@dataclass(slots=True)
class ReleaseChain:
    """The stored versions and absences of a release and of its earlier rows."""

    root: int
    rows: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # by revision id
    versions: list[PageState] = field(default_factory=list)
    absences: list[Mapping[str, Any]] = field(default_factory=list)


async def read_presences(
    run: RunQuery, releases: Sequence[int], find: FindWording
) -> dict[int, list[Presence]]:
    """Return the periods in which each release contained a wording, oldest first.

    releases: ids of releases, each the last row of its chain.
    find: a function that, given ids of revisions, returns the ids of those that contain the
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
    """Add the versions of one release row. `rows` must be in the order of VERSIONS_SQL."""
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
    """Return the periods in which a chain contained a wording, oldest first.

    The versions of the chain must have been searched for the wording.
    """
    found = [
        presence for line in _split_lines(chain) for presence in _find_line_presences(chain, line)
    ]
    merged: list[Presence] = []
    for presence in sorted(found, key=_sort_by_start):
        if merged and _is_of_unknown_time(presence):
            continue
        merged.append(
            _merge_presences(merged.pop(), presence) if overlaps(merged, presence) else presence
        )
    return [_add_missing_times(chain, presence) for presence in merged]


def _sort_by_start(presence: Presence) -> tuple[str, str, int]:
    """Return a key that sorts periods by their start, regardless of the order of imports."""
    imported = presence.first_import
    return presence.appeared.until, imported.collection if imported else "", presence.first


def _is_of_unknown_time(presence: Presence) -> bool:
    """Return whether a period has ended and is from an import with unknown times."""
    imported = presence.first_import
    is_undated = imported is not None and not imported.is_dated
    return is_undated and presence.disappeared is not None


def _split_lines(chain: ReleaseChain) -> list[list[PageState]]:
    """Return the versions as sequences in which each version replaced the previous one.

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
    """Return the periods in which a sequence of versions contained a wording."""
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
    if after is None and last.imported:
        after, following = _find_import_end(chain, last)
    else:
        following = after.first["when"] if after else _find_end(chain, last)
    removal = _find_removal(chain, last, following)
    until = removal["first_seen"] if removal else following
    import_after = after.imported if after and not removal else None
    is_known = _is_same_collection(last.imported, import_after)
    return Presence(
        first=first.revisions[-1],
        last=last.revisions[-1],
        appeared=_pair_readings(_find_same_observer(before, first), first.first["when"]),
        disappeared=_pair_readings(last if is_known else None, until) if until else None,
        before=before.revisions[-1] if before else None,
        after=after.revisions[-1] if after else None,
        removal=removal["id"] if removal else None,
        first_import=first.imported,
        last_import=last.imported,
        import_after=import_after,
    )


def _is_same_collection(one: Import | None, other: Import | None) -> bool:
    """Return False if two versions were imported from different collections, and otherwise True."""
    return one is None or other is None or one.collection == other.collection


def _find_same_observer(before: PageState | None, version: PageState) -> PageState | None:
    """Return the preceding version if it is from the same observer as `version`. Otherwise, return
    None.

    Two versions count as having the same observer if both were imported, or if neither was.
    """
    is_same = before and bool(before.imported) == bool(version.imported)
    return before if is_same else None


def _pair_readings(before: PageState | None, until: str) -> CheckPair:
    """Return the time at which the version before a change was last seen, and the time at which the
    change was found.

    The first of these times is None if it is unknown, or if a collection read the earlier version
    after the archive found the change.

    before: the version before the change, or None if there is none.
    until: when the change was found.
    """
    is_known = before is not None and before.last_seen <= until
    return CheckPair(before.last_reading if before and is_known else None, until)


def _find_end(chain: ReleaseChain, last: PageState) -> str | None:
    """Return when the archive found that the last version of a sequence had been replaced or moved.
    Returns None if that version is current.

    last: the last version in the sequence that the archive itself read.
    """
    if _is_current(chain, last):
        return None
    others = (version.first["when"] for version in chain.versions)
    later = [when for when in _iter_moves(chain, last.release) if when >= last.last_seen] or [
        when for when in others if when > last.last_seen
    ]
    return min(later, default=max(version.last_seen for version in chain.versions))


def _find_import_end(chain: ReleaseChain, last: PageState) -> tuple[PageState | None, str | None]:
    """Return the imported version that replaced a collection's version, and the time at which the
    replacement was found.

    The imported version is None if the archive itself read the next version. Both are None if the
    collection's version is still current, or if nothing later is known.

    last: the last version that the collection read.
    """
    if _is_current(chain, last):
        return None, None
    times = [(_find_time_after(last, version), version) for version in chain.versions]
    later = [(when, version) for when, version in times if when]
    if later:
        until, after = min(later, key=lambda found: found[0])
        return after if after.imported else None, until
    current = next(version for version in chain.versions if _is_current(chain, version))
    return (current, str(current.first["when"])) if current.imported else (None, None)


def _find_time_after(last: PageState, version: PageState) -> str | None:
    """Return the time at which a version was found after `last`. Returns None if it was not found
    after `last`.

    The time at which a collection read the version counts only if the time of `last` is unknown.

    last: a version that a collection read.
    """
    when, first = str(last.first["when"]), str(version.first["when"])
    if version.imported is None:
        time = first if first > when else version.last_seen
    else:
        time = first if last.is_undated and not version.is_undated else ""
    return time if time > when else None


def _is_current(chain: ReleaseChain, version: PageState) -> bool:
    return any(chain.rows[key]["is_current"] for key in version.revisions)


def _iter_moves(chain: ReleaseChain, release: int) -> Iterator[str]:
    for row in chain.absences:
        if row["kind"] == "moved" and row["release"] == release:
            yield row["first_seen"]


def _find_removal(
    chain: ReleaseChain, last: PageState, until: str | None
) -> Mapping[str, Any] | None:
    """Return the first confirmed removal after a version was last seen, or None if there is none.

    until: when the next version was found; a later removal does not count. If it is None, there is
        no next version, and a removal counts only if it has not ended.
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
    """Return whether a period overlaps the last period in `merged`, or follows it without a gap."""
    if not merged:
        return False
    gone, appeared = merged[-1].disappeared, presence.appeared
    if gone is None:
        return True
    return gone.until >= appeared.until if appeared.after is None else gone.until > appeared.after


def _merge_presences(one: Presence, other: Presence) -> Presence:
    """Merge two overlapping periods, for example at two URLs. `one` began first."""
    appeared = one.appeared
    if appeared.after and other.appeared.after and one.first_import == other.first_import:
        appeared = appeared._replace(after=min(appeared.after, other.appeared.after))
    ends = [presence for presence in (one, other) if presence.disappeared is None]
    last = ends[0] if ends else max((one, other), key=_sort_by_end)
    if bool(one.last_import) != bool(other.last_import):
        last = other if one.last_import else one  # what the archive has read itself
    return replace(
        last,
        first=one.first,
        appeared=appeared,
        before=one.before,
        first_import=one.first_import,
    )


def _sort_by_end(presence: Presence) -> tuple[str, str]:
    return presence.end, (presence.disappeared and presence.disappeared.after) or ""


def format_change(language: str, presence: Presence, *, appeared: bool) -> str:
    """Describe when a wording appeared or disappeared, and which checks, or which import, show
    this.

    Returns "" if the wording has not disappeared.
    """
    pair = presence.appeared if appeared else presence.disappeared
    if pair is None:
        return ""
    what = "appeared" if appeared else "removed" if presence.removal else "disappeared"
    imported = presence.first_import if appeared else presence.import_after
    is_same_observer = appeared or bool(presence.last_import) == bool(imported)
    return translate(
        language,
        f"phrase.{what}.{_choose_source(pair if is_same_observer else None, imported)}",
        checks=format_check_pair(language, pair.after, pair.until),
        after=format_time(language, pair.after),
        when=format_time(language, pair.until),
        collection=imported and imported.collection,
    )


def _choose_source(pair: CheckPair | None, imported: Import | None) -> str:
    """Return the last part of an interface text's key. The text says how the time of a change is
    known.

    pair: None if one of the two versions was found by the archive and the other by a collection.
    imported: the import of the version in which the change was found.
    """
    has_before = pair is not None and pair.after is not None
    if imported is None:
        return "between" if has_before else "first"
    if not imported.is_dated:
        return "imported"
    # a collection may have had several versions on one day
    return "readings" if pair and has_before and pair.after != pair.until else "reading"


def _add_missing_times(chain: ReleaseChain, presence: Presence) -> Presence:
    """Return a copy of a period to which the times when the release was temporarily missing are
    added.
    """
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
