"""The registers, with the newest entries first; each also as .json, .csv, .xlsx and .atom.

CSV and Excel contain all entries unless a page is requested.

- /-/edits: changes by agencies.
- /-/removed: releases removed by agencies.
- /-/takedowns: releases hidden or redacted by the archive.
- /-/phrase: the periods in which releases contained the words of a query; the HTML page is
    /-/over-time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any, ClassVar

from datasette.utils import MultiParams

from archive.changes.edits_and_removals import (
    EDIT_KINDS,
    MAX_REGISTER_PAGE_SIZE,
    REGISTER_PAGE_SIZE,
    UPDATE_STAMPS,
    EditWeek,
    Entry,
    RegisterQuery,
    check_agency,
    count_edits,
    count_edits_by_week,
    count_removals,
    group_edits,
    parse_edits_query,
    parse_register_query,
    parse_removals_query,
    read_first_crawl,
    read_takedowns_page,
)
from archive.changes.field_differences import (
    FieldDiff,
    diff_fields,
    format_main_change,
    name_file,
    read_file_diff,
)
from archive.changes.history import read_knowledge, read_stored_revisions, read_unconfirmed_removals
from archive.changes.wording_history import Presence, format_change
from archive.database.removals import REMOVAL_KINDS
from archive.database.sqlite_files import ListPage, RunQuery
from archive.i18n import (
    SWEDISH_TIME,
    describe_edit_time,
    describe_readings,
    describe_removal,
    format_importance,
    format_number,
    format_time,
    translate,
)
from archive.search.edit_search import (
    PhraseEntry,
    PhraseHistory,
    RegisterSearch,
    add_word_filter,
    quote_words,
    read_phrase_entries,
    read_phrase_history,
    read_phrase_hits,
    read_searched_edits,
    read_searched_removals,
    search_edits,
    search_removals,
)
from archive.times import now
from archive.urls import LIST_PARAMETERS, FilterError, UrlArguments
from archive.web import (
    FIELDS,
    AtomEntry,
    DataList,
    Operation,
    SiteRequest,
    build_agency_entry,
    get_fields,
    get_search_columns,
    site_view,
)
from archive.web.charts import Chart, build_edits_chart

FORMATS = ("json", "csv", "xlsx", "atom")
EDITS_FEED_SIZE = 30
WORDING_PAGE_SIZE, SHOWN_EDITS = 10, 5  # below a chart
READING_MEMBERS = ("collection", "first_reading", "last_reading_before")
OTHER_KINDS = ("past", "collection")  # kinds of edits that the archive did not see itself
MAX_FEED_DIFF_CHARACTERS = 60_000  # longer texts get no diff in the feed
SEARCH_TYPES = {f"{name}?": FIELDS[name] for name in ("query", "notes")}


def _label_agencies(site: SiteRequest, counts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the slug and the label of each agency that can be chosen as a filter."""
    for choice in counts["agencies"]:
        name = site.choose(choice.name, choice.name_en)
        count = format_number(site.language, choice.count)
        yield choice.value, f"{name} ({count})" if counts["agencies_counted"] else name


async def _read_empty_context(run: RunQuery, query: RegisterQuery, name: str) -> dict[str, Any]:
    """Return the template variables that explain why a register is empty."""
    agency = query.filters.get("agency")
    first_crawl = await read_first_crawl(run, agency)
    knowledge = await read_knowledge(run, agency)
    unconfirmed = knowledge["unconfirmed"] if name == "removals" else 0
    is_filtered = query.after is not None or any(
        value for key, value in query.filters.items() if key != "agency"
    )
    reason = _choose_empty_reason(
        knowledge,
        agency,
        is_crawled=bool(first_crawl),
        is_unconfirmed=bool(unconfirmed),
        is_filtered=is_filtered,
    )
    missing = await read_unconfirmed_removals(run, agency) if unconfirmed else ()
    return {
        "why_none": reason,
        "missing": missing,
        "first_crawl": first_crawl and first_crawl.isoformat(),
        "unconfirmed": unconfirmed,
    }


def _choose_empty_reason(
    knowledge: Mapping[str, Any],
    agency: str | None,
    *,
    is_crawled: bool,
    is_unconfirmed: bool,
    is_filtered: bool,
) -> str:
    if not is_crawled and not knowledge["is_read"]:
        return "never_crawled_agency" if agency else "never_crawled"
    if is_unconfirmed and not is_filtered:
        return "unconfirmed"
    if not is_unconfirmed and not knowledge["is_checked"]:
        return "unchecked"
    if is_filtered or agency:
        return "none_hint"
    return "none_since" if is_crawled else "none_yet"


def needs_export(site: SiteRequest, next_cursor: int | None) -> bool:
    """Return whether the response must export all entries.

    All entries are exported as Excel and, if there is a next page, as CSV. A request for CSV that
    contains `after` or `size` gets only one page.
    """
    is_page = "after" in site.args or "size" in site.args
    return site.format_name == "xlsx" or (
        site.format_name == "csv" and not is_page and next_cursor is not None
    )


class Register(ABC):
    """A register, which can be shown as a page, as data or as a feed, or exported with all its
    entries.
    """

    path: str
    title_key: str
    template: str  # "": /-/over-time shows it
    parameters: Sequence[str]  # names of its URL parameters
    operation: Operation  # rows_name is also the name of the entries in the template
    feed_size = REGISTER_PAGE_SIZE

    # function that parses the URL arguments, given a page size
    parse_query: ClassVar[Callable[..., RegisterQuery]]
    read_page: ClassVar[Callable[..., Awaitable[ListPage]]]

    async def read_context(
        self, site: SiteRequest, query: RegisterQuery, page: ListPage
    ) -> dict[str, Any]:
        """Return the template variables that only this register's page needs."""
        return {}

    async def search(self, site: SiteRequest, query: RegisterQuery) -> RegisterSearch | None:
        """Search for the words in the `q` parameter.

        Returns None if the parameter is absent, or if the register cannot be searched.
        """
        return None

    def describe_search(self, query: RegisterQuery) -> dict[str, Any]:
        """Return the JSON values that describe the words that were searched for."""
        if query.search is None:
            return {}
        search: RegisterSearch = query.search
        notes = [{"note": note.key, "words": note.value} for note in search.notes]
        return {"query": query.filters["q"], "notes": notes}

    def choose_title(self, query: RegisterQuery) -> str:
        """Return the translation key of the register's title."""
        return self.title_key

    @abstractmethod
    def describe_entry(self, site: SiteRequest, entry: Entry) -> Entry:
        """Return the values of an entry that its database row lacks or names differently."""

    def build_entry(self, site: SiteRequest, entry: Entry) -> AtomEntry:
        """Build the Atom entry for an entry of the register."""
        raise NotImplementedError

    async def build_entries(
        self, site: SiteRequest, entries: Sequence[Entry]
    ) -> Sequence[AtomEntry]:
        return [self.build_entry(site, entry) for entry in entries]

    def build_rows(self, site: SiteRequest, page: ListPage) -> list[Entry]:
        return [entry | self.describe_entry(site, entry) for entry in page.rows]

    async def show(self, site: SiteRequest) -> Any:
        # most lists are short enough for a single page of CSV
        sizes = {"csv": MAX_REGISTER_PAGE_SIZE, "atom": self.feed_size}
        query = self.parse_query(site.args, sizes.get(site.format_name or "", REGISTER_PAGE_SIZE))
        await check_agency(site.run, query.filters.get("agency"))
        query = replace(query, search=await self.search(site, query))
        page = await self.read_page(site.run, query)
        name = self.operation.rows_name
        if not site.format_name:
            context: dict[str, Any] = {"filters": query.filters, "after": query.after}
            context |= {name: page.rows, "next_cursor": page.next_cursor}
            context["label_agencies"] = partial(_label_agencies, site)
            context |= {"search": query.search} | await self.read_context(site, query, page)
            context |= {} if page.rows else await _read_empty_context(site.run, query, name)
            return await site.render(self.template, context)
        is_whole = needs_export(site, page.next_cursor)
        options = {**query.filters, "lang": site.requested_language, "size": site.args.get("size")}
        return DataList(
            title=site.translate(self.choose_title(query)),
            page_url=site.url(self.path, **options),  # the feed's id, which must not change
            next_url=site.next_url(after=page.next_cursor),
            rows=self.build_rows(site, page),
            read_entries=partial(self.build_entries, site, page.rows),
            members=self.describe_search(query) if site.format_name == "json" else {},
            batches=self.read_batches(site, query) if is_whole else None,
        )

    async def read_batches(
        self, site: SiteRequest, query: RegisterQuery
    ) -> AsyncIterator[list[Entry]]:
        after, is_last = None, False
        while not is_last:
            page = await self.read_page(
                site.run, replace(query, after=after, size=MAX_REGISTER_PAGE_SIZE)
            )
            yield self.build_rows(site, page)
            after, is_last = page.next_cursor, page.next_cursor is None


class EditsRegister(Register):
    path, title_key, template = "/-/edits", "edits.title", "edits.html"
    feed_size = EDITS_FEED_SIZE
    parameters = (
        *("q", "agency", "release", "tag", "unannounced", "stamp", "importance", "kind"),
        *("from", "to", *LIST_PARAMETERS),
    )
    operation = Operation(
        formats=FORMATS,
        summary=(
            "Edits that agencies made, newest first; with q=, those that removed or added the words"
        ),
        rows_name="edits",
        row=get_fields(
            *("revision", "previous", "release", "agency", "agency_name", "title", "url"),
            *("last_seen_before", "seen", "importance", "unannounced", "stamp", "summary"),
            *("summary_en", "reverts_to", "kind", "attachment", "file_url", "file_title"),
            *(*READING_MEMBERS, "changes", "diff", "page", "evidence"),
            importance="int From 0 (nothing of substance) to 100 = 60",
            kind=(
                "str text (of the release), file (that it links to), collection (a difference"
                " between two readings of a collection) or past (an edit before the archive began)"
            ),
            collection="str? The collection or web archive; null for edits that the archive saw",
            last_reading_before="str? When the collection last had the text before",
            revision="int? The version; null for a file",
        ),
        members=SEARCH_TYPES,
        parameters={
            "kind": (
                "str text: only edits of releases themselves; file: only of files they link to;"
                " collection: instead of edits, the differences between readings of collections;"
                " past: instead, edits before the archive began, which web archives captured"
            )
        },
    )

    parse_query, read_page = staticmethod(parse_edits_query), staticmethod(read_searched_edits)

    def choose_title(self, query: RegisterQuery) -> str:
        titles = {"collection": "edits.collection_title", "past": "edits.past_title"}
        return titles.get(query.filters["kind"], self.title_key)

    async def search(self, site: SiteRequest, query: RegisterQuery) -> RegisterSearch | None:
        if not query.filters["q"]:
            return None
        of_collections = query.filters["kind"] == "collection"
        return await search_edits(site.run, query.filters["q"], of_collections=of_collections)

    async def read_context(
        self, site: SiteRequest, query: RegisterQuery, page: ListPage
    ) -> dict[str, Any]:
        counts = await count_edits(site.run, add_word_filter(query))
        return {
            "chart": await _build_weeks(site, query),
            "edits": group_edits(page.rows),
            "counts": counts,
            "importance_levels": (20, 50, 80),
            "stamps": UPDATE_STAMPS,
            "kinds": EDIT_KINDS,
            "title_key": self.choose_title(query),
        }

    def describe_entry(self, site: SiteRequest, entry: Entry) -> Entry:
        is_file = entry["attachment"] is not None
        return {
            "kind": "file" if is_file else next((k for k in OTHER_KINDS if entry.get(k)), "text"),
            **{name: entry.get(name) for name in READING_MEMBERS},
            "revision": None if is_file else entry["id"],
            "previous": None if is_file else entry["previous"],
            "file_url": entry.get("file_url"),
            "file_title": entry.get("file_title"),
            "agency_name": entry["name"],
            "changes": json.loads(entry["changes"]) if entry["changes"] else [],
            "diff": site.local_url(entry["path"]),
            "page": site.local_url(f"/archive/releases/{entry['release']}"),
            "evidence": None if is_file else site.url(f"/-/evidence/{entry['id']}.zip"),
        }

    async def build_entries(
        self, site: SiteRequest, entries: Sequence[Entry]
    ) -> Sequence[AtomEntry]:
        diffs = await _read_field_diffs(site.run, entries)
        return [_build_edit_entry(site, edit, diffs.get(edit["id"], ())) for edit in entries]


async def _build_weeks(site: SiteRequest, query: RegisterQuery) -> Chart | None:
    """Build the chart of edits per week.

    Returns None if the page is not the first, if the register is searched for words, or if the
    archive did not itself observe the chosen type of edit. Also returns None if there are fewer
    than two weeks to show, or if these weeks contain no edits.
    """
    first_crawl = await read_first_crawl(site.run, query.filters["agency"])
    if query.search or query.after is not None or not first_crawl:
        return None
    if query.filters["kind"] in OTHER_KINDS:
        return None
    weeks = await count_edits_by_week(
        site.run, query, first_crawl, now().astimezone(SWEDISH_TIME).date()
    )
    if len(weeks) < 2 or not any(sum(week.counts) for week in weeks):
        return None

    def build_link(week: EditWeek) -> str:
        return site.path("/-/edits", **{**query.filters, "from": week.first, "to": week.last})

    since = site.translate(
        "chart.edits_since", when=format_time(site.language, first_crawl.isoformat())
    )
    return build_edits_chart(site, weeks, build_link, [since])


async def _read_field_diffs(run: RunQuery, edits: Sequence[Entry]) -> dict[int, list[FieldDiff]]:
    """Return the differences that each edit made to the fields, by edit id.

    Very long texts are not compared.
    """
    texts = [edit for edit in edits if edit["attachment"] is None]
    states = await read_stored_revisions(
        run, [edit[key] for edit in texts for key in ("id", "previous")]
    )
    pairs = {
        edit["id"]: (states[edit["previous"]]["state"], states[edit["id"]]["state"])
        for edit in texts
        if edit["previous"] in states
    }
    diffs = await asyncio.to_thread(_diff_texts, pairs)  # outside the event loop
    for edit in edits:
        if edit["attachment"] is not None:
            diffs[edit["id"]] = (
                await read_file_diff(run, edit["attachment"], MAX_FEED_DIFF_CHARACTERS) or []
            )
    return diffs


def _diff_texts(pairs: Mapping[int, tuple[Entry, Entry]]) -> dict[int, list[FieldDiff]]:
    """Return the differences between the texts before and after each edit, by edit id.

    Edits whose texts are too long for a feed are left out.
    """
    return {
        edit: diff_fields(before, after)
        for edit, (before, after) in pairs.items()
        if len(before["body_html"]) + len(after["body_html"]) <= MAX_FEED_DIFF_CHARACTERS
    }


def _build_edit_entry(site: SiteRequest, edit: Entry, fields: Sequence[FieldDiff]) -> AtomEntry:
    is_file = edit["attachment"] is not None
    name = edit["file_title"] or name_file(edit["file_url"]) if is_file else ""
    summary = [
        site.translate("history.file_replaced", name=name) if is_file else "",
        site.choose(edit["summary"], edit["summary_en"]) or site.translate("history.edited"),
        format_main_change(site.language, edit["changes"]),
        format_importance(site.language, edit["importance"]),
        site.translate("edit.unannounced") if edit["unannounced"] else "",
    ]
    return build_agency_entry(
        site,
        edit,
        link=site.local_url(edit["path"]),
        name=f"attachment-{edit['attachment']}" if is_file else f"revision-{edit['id']}",
        when=edit["seen"],
        release_url=site.local_url(f"/archive/releases/{edit['release']}"),
        summary=" · ".join(filter(None, summary)),
        categories=[
            *(["unannounced"] if edit["unannounced"] else []),
            *(["file"] if is_file else []),
        ],
        field_diffs=fields,
        content=describe_readings(site.language, edit)
        if edit.get("collection")
        else describe_edit_time(site.language, edit["last_seen_before"], edit["seen"]),
    )


class RemovalsRegister(Register):
    path, title_key, template = "/-/removed", "removals.title", "removed.html"
    parameters = ("q", "agency", "kind", "tag", "back", *LIST_PARAMETERS)
    operation = Operation(
        formats=FORMATS,
        summary=(
            "Releases that agencies removed, moved or replaced, confirmed by several checks, newest"
            " first"
        ),
        rows_name="removals",
        row=get_fields(
            *("removal", "release", "agency", "agency_name", "title", "url", "kind", "first_seen"),
            *("confirmed", "last_seen", "checks", "ended", "status", "target", "moved_to"),
            *("found_at", "page", "evidence"),
            removal="int Number of the removal",
            kind=f"str {', '.join(REMOVAL_KINDS)} = gone",
            first_seen="time The first check that did not find it",
            found_at="str? Where it was found again",
        ),
        members=SEARCH_TYPES,
        parameters={"kind": f"str {', '.join(REMOVAL_KINDS)}"},
    )

    parse_query, read_page = (
        staticmethod(parse_removals_query),
        staticmethod(read_searched_removals),
    )

    async def search(self, site: SiteRequest, query: RegisterQuery) -> RegisterSearch | None:
        return await search_removals(site.run, query.filters["q"]) if query.filters["q"] else None

    async def read_context(
        self, site: SiteRequest, query: RegisterQuery, page: ListPage
    ) -> dict[str, Any]:
        return {
            "counts": await count_removals(site.run, add_word_filter(query)),
            "kinds": REMOVAL_KINDS,
        }

    def describe_entry(self, site: SiteRequest, entry: Entry) -> Entry:
        has_evidence = entry["capture"] is not None
        return {
            "removal": entry["id"],
            "agency_name": entry["name"],
            "page": site.local_url(f"/archive/releases/{entry['release']}"),
            "evidence": site.url(f"/-/evidence/removal-{entry['id']}.zip")
            if has_evidence
            else None,
        }

    def build_entry(self, site: SiteRequest, entry: Entry) -> AtomEntry:
        """Build the Atom entry for a removal. The entry is updated when the release comes back."""
        language = site.language
        summary = [describe_removal(language, entry["kind"], entry["status"], entry["target"])]
        if entry["kind"] != "moved":
            summary.insert(0, site.translate("history.removed"))
            summary.append(
                site.translate("history.confirmed", when=format_time(language, entry["confirmed"]))
            )
        if entry["ended"]:
            text_key = "history.found_elsewhere" if entry["found_at"] else "history.back"
            summary.append(site.translate(text_key, when=format_time(language, entry["ended"])))
        return build_agency_entry(
            site,
            entry,
            link=site.local_url(f"/archive/releases/{entry['release']}"),
            name=f"removal-{entry['id']}",
            when=entry["confirmed"],
            updated=entry["ended"],
            summary=" · ".join(summary),
            categories=[entry["kind"]],
        )


class TakedownsRegister(Register):
    path, title_key, template = "/-/takedowns", "takedowns.title", "takedowns.html"
    parameters = LIST_PARAMETERS
    operation = Operation(
        formats=FORMATS,
        summary="What the archive itself has hidden or redacted, and why",
        rows_name="takedowns",
        row=get_fields(
            *("takedown", "release", "agency", "kind", "reason", "reason_en", "at", "lifted"),
            *("lifted_reason", "page"),
            takedown="int Number of the takedown",
            kind="str hide or redact",
            reason="str In Swedish",
            reason_en="str? In English",
            at="time",
            lifted="time? When it was shown again",
            lifted_reason="str?",
        ),
    )

    parse_query, read_page = (
        staticmethod(partial(parse_register_query, filters={})),
        staticmethod(read_takedowns_page),
    )

    def describe_entry(self, site: SiteRequest, entry: Entry) -> Entry:
        return {
            "takedown": entry["id"],
            "page": site.local_url(f"/archive/releases/{entry['release']}"),
        }

    def build_entry(self, site: SiteRequest, entry: Entry) -> AtomEntry:
        """Build the Atom entry for a takedown. The entry is updated when the takedown is lifted."""
        summary = [site.choose(entry["reason"], entry["reason_en"])]
        if entry["lifted"]:
            when = format_time(site.language, entry["lifted"])
            summary.append(
                site.translate("takedowns.lifted", when=when, why=entry["lifted_reason"])
            )
        return build_agency_entry(
            site,
            {**entry, "language": None},
            link=site.local_url(f"/archive/releases/{entry['release']}"),
            name=f"takedown-{entry['id']}",
            when=entry["at"],
            updated=entry["lifted"],
            subject=site.translate(f"takedown.{entry['kind']}"),
            summary=" · ".join(summary),
            categories=[entry["kind"]],
        )


def _parse_phrase_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> RegisterQuery:
    filters = {"q": " ".join((args.get("q") or "").split()), "agency": args.get("agency") or None}
    return parse_register_query(args, size, filters)


async def read_wording(site: SiteRequest, text: str, agency: str | None) -> dict[str, Any]:
    """Return the template variables for the part of /-/over-time that is about a wording.

    They contain the history of the wording, and the newest edits that removed or added it.
    """
    register, filters = PhraseRegister(), {"q": " ".join(text.split()), "agency": agency}
    query = parse_register_query(site.args, WORDING_PAGE_SIZE, filters)
    history = await register.search(site, query)
    page = await register.read_page(site.run, replace(query, search=history))
    context = {
        "filters": filters,
        "after": query.after,
        "history": history,
        "presences": page.rows,
        "next_cursor": page.next_cursor,
        "format_presence": partial(_format_presence, site.language),
        "quoted": quote_words(history.query),
    }
    with suppress(FilterError):  # no words that an edit can remove or add
        edits = parse_edits_query(MultiParams({"q": [text], "agency": [agency or ""]}), SHOWN_EDITS)
        edits = replace(edits, search=await search_edits(site.run, text))
        context["edits"] = (await read_searched_edits(site.run, edits)).rows
    return context


async def _read_phrase_page(run: RunQuery, query: RegisterQuery) -> ListPage:
    """Return a page of the history of a wording.

    The cursor `after` is the id of the first revision in the last entry of the previous page.
    """
    history: PhraseHistory = query.search
    keys = [times.first for times in history.times]
    # else a client would take it for the end
    if query.after is not None and query.after not in keys:
        raise FilterError("after", str(query.after), "the first revision of an entry")
    start = 0 if query.after is None else keys.index(query.after) + 1
    times = history.times[start : start + query.size]
    entries = await read_phrase_entries(run, history, times)
    hits = await read_phrase_hits(run, history.query, entries)
    rows = [
        {**entry.row, "entry": entry, "hit": hit} for entry, hit in zip(entries, hits, strict=True)
    ]
    has_more = start + query.size < len(keys)
    return ListPage(rows, entries[-1].presence.first if entries and has_more else None)


class PhraseRegister(Register):
    path, title_key, template = "/-/phrase", "phrase.title", ""
    parameters = ("q", "agency", *LIST_PARAMETERS)
    operation = Operation(
        formats=FORMATS,
        summary=(
            "When releases had the words of a query: a row for each time, between two checks each"
        ),
        rows_name="presences",
        row=get_fields(
            *("release", "agency", "agency_name", "title", "url", "published"),
            *("last_seen_before", "first_seen", "imported", "collection", "last_seen"),
            *("missing_at", "is_current", "removal", "first_revision", "last_revision"),
            *("excerpt", "version", "appeared_diff", "disappeared_diff", "page"),
            last_seen_before=(
                "time? It appeared after this check; null if there was no check before"
            ),
            first_seen="time? It appeared until this check; null if it came with an import",
            imported="time? When the first version that has it was imported, if it was",
            collection="str? The collection that this version was imported from",
            first_reading="str? When this collection first had it, as far as is known",
            last_seen="time? The last check that found it; null if none ever did",
            missing_at=(
                "time? It disappeared until this check; null if it did not, or with an import"
            ),
            is_current="bool? Whether the current version has it; null if never checked",
            removal="int? The removal of the whole release with which it disappeared",
            first_revision="int The first version that has it",
            last_revision="int The last one",
            version="url Permanent address of the last version",
            appeared_diff="url? Comparison with the version before the first",
            disappeared_diff="url? Comparison with the version after the last",
        ),
        members=get_fields(
            *("query", "notes", "agencies"),
            total="int Rows of all pages",
            releases="int Releases that had it",
            current_releases="int Releases that had it at their last check",
            unchecked_releases=(
                "int Releases that were imported with it and have never been checked"
            ),
            first_seen="time?",
            last_seen="time?",
        ),
        required=("q",),
        parameters={"q": 'str Words, or a phrase in quotation marks = "120 miljoner"'},
    )
    parse_query, read_page = staticmethod(_parse_phrase_query), staticmethod(_read_phrase_page)

    async def search(self, site: SiteRequest, query: RegisterQuery) -> PhraseHistory:
        columns = get_search_columns(site.datasette)
        history = await read_phrase_history(
            site.run, columns, query.filters["q"], query.filters["agency"]
        )
        if site.format_name and not history.query.has_words:
            raise FilterError("q", query.filters["q"], "words that must occur", "error.no_words")
        if site.format_name == "atom":
            by_event = sorted(history.times, key=attrgetter("last_event"), reverse=True)
            return replace(history, times=by_event)
        return history

    def describe_search(self, query: RegisterQuery) -> dict[str, Any]:
        history: PhraseHistory = query.search
        first_checks = [times.first_seen for times in history.times]
        return {
            **super().describe_search(query),
            "total": len(history.times),
            "releases": history.release_count,
            "current_releases": history.count_releases("current"),
            "unchecked_releases": history.count_releases("unchecked"),
            "first_seen": min(filter(None, first_checks), default=None),
            "last_seen": history.last.last_seen if history.last else None,
            "agencies": [
                {"value": each.value, "name": each.name, "count": each.count}
                for each in history.agencies
            ],
        }

    def describe_entry(self, site: SiteRequest, entry: Entry) -> Entry:
        found: PhraseEntry = entry["entry"]
        presence, gone = found.presence, found.presence.disappeared
        return {
            "release": entry["id"],
            "agency_name": entry["name"],
            "last_seen_before": None if presence.first_import else presence.appeared.after,
            "first_seen": found.first_seen,
            **_format_import(presence),
            "last_seen": found.last_seen,
            "missing_at": gone.until if gone and not presence.import_after else None,
            "is_current": None if found.status == "unchecked" else found.is_current,
            "removal": presence.removal,
            "first_revision": presence.first,
            "last_revision": presence.last,
            "excerpt": entry["hit"].excerpt_text,
            "version": site.local_url(f"/-/revision/{presence.last}"),
            "appeared_diff": presence.before
            and site.local_url(f"/-/diff/{presence.before}/{presence.first}"),
            "disappeared_diff": presence.after
            and site.local_url(f"/-/diff/{presence.last}/{presence.after}"),
            "page": site.local_url(f"/archive/releases/{entry['id']}"),
        }

    def build_entry(self, site: SiteRequest, entry: Entry) -> AtomEntry:
        """Build the Atom entry for a period in which a release contained the wording.

        The entry is updated when the wording disappears.
        """
        found: PhraseEntry = entry["entry"]
        digest = hashlib.sha256(site.args["q"].encode(errors="replace")).hexdigest()[:12]
        return build_agency_entry(
            site,
            entry,
            link=site.local_url(f"/-/revision/{found.presence.last}"),
            name=f"phrase-{digest}-{found.presence.first}",
            when=found.presence.appeared.until,
            updated=found.last_event,
            release_url=site.local_url(f"/archive/releases/{entry['id']}"),
            summary=" ".join(_format_presence(site.language, found)),
            categories=[found.status],
            content=entry["hit"].excerpt_text,
        )


def _format_import(presence: Presence) -> dict[str, str | None]:
    """Return facts about the import that added the first version with a wording.

    All values are None if the archive itself read that version.
    """
    imported = presence.first_import
    if imported is None:
        return dict.fromkeys(("imported", "collection", "first_reading"))
    reading = presence.appeared.until if imported.is_dated else None
    return {
        "imported": imported.when,
        "collection": imported.collection,
        "first_reading": reading,
    }


def _format_presence(language: str, entry: PhraseEntry) -> list[str]:
    """Return sentences that say when a wording appeared, was missing, and disappeared.

    If it has not disappeared, the last sentence says when it was last found.
    """
    presence = entry.presence
    sentences = [format_change(language, presence, appeared=True)]
    for after, until in presence.missing:
        times = {"after": format_time(language, after), "when": format_time(language, until)}
        sentences.append(translate(language, "phrase.missing", **times))
    last = "read_once" if entry.last_seen == presence.appeared.until else "still_there"
    key = f"phrase.{last}" if entry.last_seen else "phrase.never_checked"
    still = translate(language, key, when=format_time(language, entry.last_seen))
    if gone := presence.disappeared:
        if presence.import_after and gone.after == presence.appeared.until:
            # the reading that the first sentence names is not named again
            presence = replace(presence, disappeared=gone._replace(after=None))
        return [*sentences, format_change(language, presence, appeared=False)]
    return [*sentences, still]


VIEWS = [
    site_view(
        register.path + ("" if register.template else r"\.{format}"),
        parameters=register.parameters,
        operation=register.operation,
    )(register.show)
    for register in (EditsRegister(), RemovalsRegister(), TakedownsRegister(), PhraseRegister())
]
