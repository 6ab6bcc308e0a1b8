"""The history of a wording: which releases had the words of a query, and between which two checks they came and went.

Releases whose current text has the words are found in the index, and those that had them before by what edits removed
(versions.py). Stored versions decide between which checks (archive.history.presences).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.database import FacetValue, RunQuery
from archive.history import HIDDEN_RELEASES_SQL, read_stored_revisions
from archive.history.presences import CheckPair, Presence, read_presences
from archive.i18n import swedish_sort_key
from archive.search.index import ColumnCache
from archive.search.occurrences import OccurrenceFinder, extract_query_terms, iter_leaves
from archive.search.params import SearchRequest
from archive.search.query import AndNode, Query, SearchNote, TermNode, is_text
from archive.search.ranking import HitFinder
from archive.search.snippets import SearchHit, build_release_hit
from archive.search.suggestions import correct_query
from archive.search.versions import (
    adapt_to_edits,
    find_former_hits,
    resolve_query,
)

MAX_RELEASES = 1_000  # releases with the wording that are examined; of more, the newest
PHRASE_RELEASES_SQL = f"""
    select r.id, r.revision, r.agency, a.name, a.name_en, r.title, r.url, r.kind, r.language, r.published, r.updated,
      r.first_seen, r.last_checked, r.removed_at, nullif(l.sort_date, '') as sort_date,
      (select count(*) from (select 1 from revisions v where v.release = r.id limit 2)) = 1
        and not exists (select 1 from removals o where o.release = r.id and o.kind <> 'moved')
        and not exists (select 1 from releases m where m.moved_to = r.id) as is_unchanged
    from releases r join agencies a on a.slug = r.agency left join release_facets l on l.release = r.id
    where r.id in (select value from json_each(:ids)) and r.moved_to is null and r.id not in ({HIDDEN_RELEASES_SQL})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseEntry:
    """A period in which a release had the wording. row: the release, as in PHRASE_RELEASES_SQL."""

    row: Mapping[str, Any]
    presence: Presence

    @property
    def is_current(self) -> bool:
        return self.presence.disappeared is None

    @property
    def last_seen(self) -> str:
        """Return the last check that found the wording."""
        gone = self.presence.disappeared
        return str(gone.after if gone else self.row["last_checked"])

    @property
    def is_stated(self) -> bool:
        """Return whether it was there from the start in a release whose publication is stated."""
        return self.presence.appeared.after is None and bool(self.row["published"] and self.row["sort_date"])

    @property
    def since(self) -> str:
        """Return the stated publication if it was there from the start, else the check that first saw it."""
        return str(self.row["sort_date"] if self.is_stated else self.presence.appeared.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseHistory:
    """When the releases of an archive had a wording."""

    query: Query
    entries: Sequence[PhraseEntry] = ()  # the newest first
    agencies: Sequence[FacetValue] = ()  # with the number of releases that have or had it, unless only one is searched
    truncated: str = ""  # after how many releases it was cut off, because there are more
    notes: Sequence[SearchNote] = ()

    @property
    def first(self) -> PhraseEntry | None:
        """Return the entry that appeared first."""
        return self.entries[-1] if self.entries else None

    @property
    def last(self) -> PhraseEntry | None:
        """Return the entry that was seen last."""
        return max(self.entries, key=lambda entry: entry.last_seen, default=None)

    @property
    def release_count(self) -> int:
        return len({entry.row["id"] for entry in self.entries})

    @property
    def current_count(self) -> int:
        """Return the number of releases that still have it."""
        return len({entry.row["id"] for entry in self.entries if entry.is_current})


def has_words(query: Query) -> bool:
    """Return whether a query has words that must occur, so that their history can be shown.

    >>> from archive.search.query import parse_query
    >>> [has_words(parse_query(text)) for text in ("fyr", "fyr från:2024", "från:2024", "-fyr", "")]
    [True, True, False, False, False]
    """
    tree = query.tree
    parts = tree.parts if isinstance(tree, AndNode) else (tree,) if tree else ()
    return any(is_text(part) and adapt_to_edits(part, added=False) for part in parts)


def quote_words(query: Query) -> str | None:
    """Return a query of several plain words as one phrase, or None if it is anything else.

    >>> from archive.search.query import parse_query
    >>> quote_words(parse_query("120 miljoner kronor")), quote_words(parse_query('"120 miljoner"'))
    ('"120 miljoner kronor"', None)
    """
    leaves = list(iter_leaves(query.tree))
    is_plain = len(leaves) > 1 and not any(sign in query.text for sign in '":*()+') and " -" not in query.text
    return f'"{query.text}"' if is_plain and all(isinstance(leaf, TermNode) for leaf in leaves) else None


async def read_phrase_history(
    run: RunQuery, columns: ColumnCache, text: str, agency: str | None = None
) -> PhraseHistory:
    """Find all releases that have or had the words of a query, and when. agency: only its releases."""
    request = SearchRequest(text=text, include={"agency": (agency,)} if agency else {}, strict=True)
    query = request.query
    if not has_words(query):
        return PhraseHistory(query=query, notes=query.notes)
    columns = await columns.refresh(run)
    names, notes = await resolve_query(run, query.tree)
    finder = HitFinder(run=run, columns=columns, request=request, names=names, correct=correct_query)
    hits = await finder.fetch_current("newest")
    current = hits.ids[:MAX_RELEASES]
    former = await find_former_hits(finder, None if hits.capped else hits.ids)
    candidates = list(dict.fromkeys([*current, *former.ids[:MAX_RELEASES]]))
    releases = {row["id"]: dict(row) for row in await run(PHRASE_RELEASES_SQL, {"ids": json.dumps(candidates)})}
    in_index = set(current)
    presences = {
        key: [build_only_presence(row)] for key, row in releases.items() if row["is_unchanged"] and key in in_index
    }
    to_read = [key for key in candidates if key in releases and key not in presences]
    presences |= await read_presences(run, to_read, OccurrenceFinder(query.tree, names.prefix_lemmas).is_in)
    entries = [
        PhraseEntry(row=releases[key], presence=presence)
        for key, found in presences.items()
        if agency in (None, releases[key]["agency"])
        for presence in found
    ]
    is_cut = (
        former.capped
        or hits.capped
        or max(len(hits.ids), len(former.ids)) > MAX_RELEASES
        or any(key not in presences for key in to_read)
    )
    return PhraseHistory(
        query=query,
        entries=sorted(entries, key=lambda entry: (entry.since, entry.presence.first), reverse=True),
        agencies=count_agencies(entries),
        truncated=f"after {len(presences)} releases" if is_cut else "",
        notes=[*query.notes, *notes],
    )


def build_only_presence(row: Mapping[str, Any]) -> Presence:
    """Return the presence of a wording in a release that has a single version and was not removed."""
    appeared = CheckPair(None, row["first_seen"])
    return Presence(first=row["revision"], last=row["revision"], appeared=appeared, disappeared=None)


def count_agencies(entries: Sequence[PhraseEntry]) -> list[FacetValue]:
    """Return the agencies of the entries, each with the number of its releases, in Swedish alphabetical order."""
    releases = {entry.row["id"]: entry.row for entry in entries}
    counts = Counter(row["agency"] for row in releases.values())
    names = {row["agency"]: (row["name"], row["name_en"]) for row in releases.values()}
    found = [
        FacetValue(value=slug, count=count, name=names[slug][0], name_en=names[slug][1])
        for slug, count in counts.items()
    ]
    return sorted(found, key=lambda choice: swedish_sort_key(choice.name))


async def read_phrase_hits(run: RunQuery, query: Query, entries: Sequence[PhraseEntry]) -> list[SearchHit]:
    """Return the last version of each entry as a hit with the words marked; `row` is the version's state."""
    query_terms = extract_query_terms(query.tree)
    states = await read_stored_revisions(run, [entry.presence.last for entry in entries])

    def build_hits() -> list[SearchHit]:
        found = (states[entry.presence.last]["state"] for entry in entries)
        return [build_release_hit(state, state["questions"] or (), query_terms) for state in found]

    return await asyncio.to_thread(build_hits)
