"""/-/phrase: when releases had the words of a query, as a page, .json, .csv, .xlsx and .atom."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from datasette import hookimpl

from archive.database import ListPage, RunQuery
from archive.history import REGISTER_PAGE_SIZE, Entry, RegisterQuery, parse_register_query
from archive.i18n import format_time
from archive.params import LIST_PARAMETERS, FilterError, UrlArguments
from archive.plugins.registers import Register, read_agencies
from archive.search.phrases import (
    PhraseEntry,
    PhraseHistory,
    has_words,
    quote_words,
    read_phrase_history,
    read_phrase_hits,
)
from archive.web.responses import (
    EXPORT_FORMAT_SUFFIX,
    AtomEntry,
    SiteRequest,
    build_tag_uri,
    get_search_columns,
    site_view,
)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    register = PhraseRegister()
    return [(register.path + EXPORT_FORMAT_SUFFIX, site_view(*register.parameters)(register.show))]


def parse_phrase_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> RegisterQuery:
    filters = {"q": " ".join((args.get("q") or "").split()), "agency": args.get("agency") or None}
    return parse_register_query(args, size, filters)


async def read_phrase_page(run: RunQuery, query: RegisterQuery) -> ListPage:
    """Return a page of the history; the key of an entry is the first revision with the words."""
    history: PhraseHistory = query.search
    keys = [entry.presence.first for entry in history.entries]
    if query.after is not None and query.after not in keys:  # else a client would take it for the end
        raise FilterError("after", str(query.after), "the first revision of an entry")
    start = 0 if query.after is None else keys.index(query.after) + 1
    entries = history.entries[start : start + query.size]
    hits = await read_phrase_hits(run, history.query, entries)
    rows = [{**entry.row, "entry": entry, "hit": hit} for entry, hit in zip(entries, hits, strict=True)]
    has_more = start + query.size < len(keys)
    return ListPage(rows, entries[-1].presence.first if entries and has_more else None)


class PhraseRegister(Register):
    name, path, title_key, template = "presences", "/-/phrase", "phrase.title", "phrase.html"
    parameters = ("q", "agency", *LIST_PARAMETERS)
    columns = members = (
        *("release", "agency", "agency_name", "title", "url", "published", "last_seen_before", "first_seen"),
        *("last_seen", "missing_at", "is_current", "removal", "first_revision", "last_revision", "excerpt"),
        *("version", "appeared_diff", "disappeared_diff", "page"),
    )
    parse_query, read_page = staticmethod(parse_phrase_query), staticmethod(read_phrase_page)

    async def search(self, site: SiteRequest, query: RegisterQuery) -> PhraseHistory:
        columns = get_search_columns(site.datasette)
        history = await read_phrase_history(site.run, columns, query.filters["q"], query.filters["agency"])
        if site.format_name and not has_words(history.query):
            raise FilterError("q", query.filters["q"], "words that must occur", "error.no_words")
        if site.format_name == "atom":
            return replace(history, entries=sorted(history.entries, key=find_last_event, reverse=True))
        return history

    async def read_context(self, site: SiteRequest, query: RegisterQuery, page: ListPage) -> dict[str, Any]:
        history: PhraseHistory = query.search
        is_counted = not query.filters["agency"] and not history.truncated
        agencies = history.agencies if is_counted else await read_agencies(site.run)
        return {
            "counts": {
                "total": len(history.entries),
                "capped": bool(history.truncated),
                "agencies": agencies,
                "agencies_counted": is_counted,
            },
            "has_words": has_words(history.query),
            "quoted": quote_words(history.query),
        }

    def describe_search(self, query: RegisterQuery) -> dict[str, Any]:
        history: PhraseHistory = query.search
        return {
            **super().describe_search(query),
            "total": len(history.entries),
            "releases": history.release_count,
            "current_releases": history.current_count,
            "first_seen": min((entry.presence.appeared.until for entry in history.entries), default=None),
            "last_seen": history.last.last_seen if history.last else None,
            "agencies": [{"value": each.value, "name": each.name, "count": each.count} for each in history.agencies],
        }

    def describe_entry(self, site: SiteRequest, entry: Entry) -> Entry:
        presence = entry["entry"].presence
        return {
            "release": entry["id"],
            "agency_name": entry["name"],
            "last_seen_before": presence.appeared.after,
            "first_seen": presence.appeared.until,
            "last_seen": entry["entry"].last_seen,
            "missing_at": presence.disappeared and presence.disappeared.until,
            "is_current": entry["entry"].is_current,
            "removal": presence.removal,
            "first_revision": presence.first,
            "last_revision": presence.last,
            "excerpt": "".join(text for text, _ in entry["hit"].excerpt),
            "version": site.local_url(f"/-/revision/{presence.last}"),
            "appeared_diff": presence.before and site.local_url(f"/-/diff/{presence.before}/{presence.first}"),
            "disappeared_diff": presence.after and site.local_url(f"/-/diff/{presence.last}/{presence.after}"),
            "page": site.local_url(f"/archive/releases/{entry['id']}"),
        }

    async def build_entries(self, site: SiteRequest, entries: Sequence[Entry]) -> Sequence[AtomEntry]:
        digest = hashlib.sha256(site.args["q"].encode(errors="replace")).hexdigest()[:12]
        return [build_presence_entry(site, row, f"phrase-{digest}") for row in entries]


def find_last_event(entry: PhraseEntry) -> str:
    """Return when the wording appeared or, if it is gone, disappeared."""
    gone = entry.presence.disappeared
    return gone.until if gone else entry.presence.appeared.until


def build_presence_entry(site: SiteRequest, row: Entry, name: str) -> AtomEntry:
    """Build the feed entry of a presence; the entry is updated when the wording disappears."""
    entry: PhraseEntry = row["entry"]
    agency, link = site.choose(row["name"], row["name_en"]), site.local_url(f"/-/revision/{entry.presence.last}")
    return AtomEntry(
        id=build_tag_uri(link, f"{name}-{entry.presence.first}"),
        title=f"{agency}: {row['title']}",
        language=row["language"],
        published=entry.presence.appeared.until,
        updated=find_last_event(entry),
        link=link,
        release_url=site.local_url(f"/archive/releases/{row['id']}"),
        author=agency,
        summary=" ".join(format_presence(site, entry)),
        categories=["current" if entry.is_current else "removed" if entry.presence.removal else "edited"],
        content="".join(text for text, _ in row["hit"].excerpt),
    )


def format_presence(site: SiteRequest, entry: PhraseEntry) -> list[str]:
    """Return sentences that say when a wording appeared and disappeared."""
    presence = entry.presence
    pairs = [("phrase.appeared" if presence.appeared.after else "phrase.there_at_first", presence.appeared)]
    if presence.disappeared:
        pairs.append(("phrase.removed" if presence.removal else "phrase.disappeared", presence.disappeared))
    times = [
        site.translate(key, after=format_time(site.language, pair.after), when=format_time(site.language, pair.until))
        for key, pair in pairs
    ]
    if entry.is_current:
        times.append(site.translate("phrase.still_there", when=format_time(site.language, entry.last_seen)))
    return times
