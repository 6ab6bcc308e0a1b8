"""/-/batch (.json, .csv, .xlsx): counts the releases that match each of many names or phrases.

For each name or phrase, the first few matching releases are also shown. The field `text` contains
one name or phrase on each line. It is sent by POST, and is neither stored nor logged, as at
/-/check. A few names or phrases may be in the address instead: ?q=…&q=….
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from datasette import Response
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers

from archive.database.sqlite_files import RunQuery
from archive.search.column_cache import ColumnCache
from archive.search.results import prepare_finder
from archive.search.search_request import SearchRequest, build_search_url
from archive.web import (
    CUT_HEADER,
    DataList,
    Operation,
    ReaderError,
    SiteRequest,
    get_fields,
    get_search_columns,
    read_fields,
    site_view,
)

MAX_TERMS = 500
MAX_TERM_LENGTH = 200  # characters
MAX_BATCH_SECONDS = 20.0
FIRST_HITS = 3
# as a phrase, or as a query in the query language; the first is the default
MATCHES = ("exact", "words")
HIT_MEMBERS = ("title", "agency", "published", "page")
BATCH_COLUMNS = (
    *("text", "state", "releases", "releases_are_minimum", "search"),
    *(f"{name}_{number}" for number in range(1, FIRST_HITS + 1) for name in HIT_MEMBERS),
)
HITS_SQL = """
    select r.id, r.title, r.language, r.published, r.updated, r.first_seen, r.added,
      r.agency, a.name, a.name_en
    from releases r join agencies a on a.slug = r.agency where r.id in (select value
      from json_each(:ids))
"""


class BatchResult(NamedTuple):
    """The result of the search for one line.

    state: searched, no_words (the line contains nothing that can be searched for), too_slow, or
        not_searched (because of the time limit).
    """

    text: str
    request: SearchRequest
    state: str = "not_searched"
    total: int | None = None
    is_minimum: bool = False
    ids: Sequence[int] = ()


@site_view(
    "/-/batch",
    parameters=("q", "match"),
    operation=Operation(
        formats=("json", "csv", "xlsx"),
        summary="Count the releases with each of many names or phrases, and find the first ones",
        text=(
            f"Names or phrases, one on each line: at most {MAX_TERMS} lines of {MAX_TERM_LENGTH}"
            f" characters"
        ),
        text_parameter="q",
        parameters={
            "q": ["str A name or phrase, instead of a body = fyrar"],
            "match": f"str {', '.join(MATCHES)} = exact",
        },
        body={
            "complete": "bool Whether every line was searched for",
            "match": "str exact: each line is a phrase; words: it is a query",
            "terms": [
                {
                    "text": "str The line",
                    "state": "str searched, no_words, too_slow or not_searched",
                    "releases": "int? Releases that have it",
                    "releases_are_minimum": "bool Whether there may be more",
                    "search": "url The search page with all of them",
                    "hits": [
                        get_fields(
                            "release",
                            "title",
                            "agency",
                            "published",
                            page="url Page of the release",
                        )
                    ],
                }
            ],
        },
        statuses={
            408: "The body did not arrive in time",
            413: "Too many or too long lines",
            415: "Another type or encoding",
        },
    ),
)
async def _show_batch(site: SiteRequest) -> Any:
    """Show the form, or search for each line of a text."""
    is_post = site.request.method == "POST"
    lines, match = site.args.getlist("q"), site.args.get("match") or ""
    if is_post:
        fields = read_fields(site, "match")
        lines, match = [*lines, *fields["text"].splitlines()], fields.get("match", match)
    if match not in ("", *MATCHES):
        raise ReaderError(400, "error.batch_match", known=", ".join(MATCHES))
    terms = _list_terms(lines)
    if not terms and (site.format_name or is_post):
        raise ReaderError(400, "error.batch_empty")
    return await respond(site, terms, match or MATCHES[0], is_post=is_post)


def _list_terms(lines: Iterable[str]) -> list[str]:
    """Return the lines to search for, without duplicates.

    Raises ReaderError if there are too many lines, or if a line is too long.
    """
    terms = list(dict.fromkeys(filter(None, (" ".join(line.split()) for line in lines))))
    if len(terms) > MAX_TERMS:
        raise ReaderError(413, "error.batch_too_many", limit=MAX_TERMS)
    if any(len(term) > MAX_TERM_LENGTH for term in terms):
        raise ReaderError(413, "error.batch_too_long", limit=MAX_TERM_LENGTH)
    return terms


async def respond(site: SiteRequest, terms: Sequence[str], match: str, *, is_post: bool) -> Any:
    """Search for the terms, and show the results in the format of the request."""
    results = await search_terms(site.run, get_search_columns(site.datasette), terms, match)
    releases = await _read_hits(site, results) if terms else {}
    searched = sum(result.state != "not_searched" for result in results)
    is_complete = all(result.state in ("searched", "no_words") for result in results)
    truncated = "" if is_complete else f"after {searched} of {len(results)} lines"
    headers = {"cache-control": "no-store"} if is_post else {}
    if site.datasette.cors and site.format_name:
        add_cors_headers(headers)
    if truncated:
        headers |= {CUT_HEADER: truncated, "Access-Control-Expose-Headers": CUT_HEADER}
    if site.format_name in ("csv", "xlsx"):
        return build_export(site, results, releases, truncated)
    if site.format_name:
        body = {
            "complete": is_complete,
            "match": match,
            "terms": [_format_result(site, result, releases) for result in results],
        }
        return Response.json(body, headers=headers)
    context = {
        "results": results,
        "found": releases,
        "match": match,
        "matches": MATCHES,
        "text": "\n".join(terms),
        "searched": searched,
        "complete": is_complete,
        "max_terms": MAX_TERMS,
        "max_length": MAX_TERM_LENGTH,
        "link_search": lambda result: site.datasette.urls.path(
            _build_search_path(result, site.requested_language)
        ),
    }
    return await site.render("batch.html", context, headers=headers)


async def _read_hits(site: SiteRequest, results: Sequence[BatchResult]) -> dict[int, Any]:
    """Return a map from ids to the releases that were found."""
    ids = json.dumps([key for result in results for key in result.ids])
    return {row["id"]: dict(row) for row in await site.run(HITS_SQL, {"ids": ids})}


async def search_terms(
    run: RunQuery, columns: ColumnCache, terms: Sequence[str], match: str
) -> list[BatchResult]:
    """Count the releases that match each term, and find the first few of these releases.

    After MAX_BATCH_SECONDS, the remaining terms are not searched for.
    """
    results, deadline = [], time.monotonic() + MAX_BATCH_SECONDS
    for term in terms:
        words = term.replace('"', " ").strip()
        request = SearchRequest(
            text=f'"{words}"' if match == "exact" else term, strict=True, size=FIRST_HITS
        )
        result = BatchResult(text=term, request=request)
        if time.monotonic() < deadline:
            result = await _search_term(run, columns, result)
        results.append(result)
    return results


async def _search_term(run: RunQuery, columns: ColumnCache, result: BatchResult) -> BatchResult:
    if not result.request.query.tree:
        return result._replace(state="no_words")
    try:
        finder, _ = await prepare_finder(run, result.request, columns)
        hits, total = await finder.fetch_counted()
    except QueryInterrupted:
        return result._replace(state="too_slow")
    return result._replace(
        state="searched", total=total, is_minimum=hits.capped, ids=list(hits.ids[:FIRST_HITS])
    )


def _build_search_path(result: BatchResult, lang: str | None) -> str:
    """Return the path of the search page that shows all results for a line."""
    return build_search_url(SearchRequest(text=result.request.text), lang)


def _format_result(
    site: SiteRequest, result: BatchResult, releases: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "text": result.text,
        "state": result.state,
        "releases": result.total,
        "releases_are_minimum": result.is_minimum,
        "search": site.url(_build_search_path(result, None)),
        "hits": [
            {
                "release": key,
                **{name: releases[key][name] for name in ("title", "agency", "published")},
                "page": site.url(f"/archive/releases/{key}"),
            }
            for key in result.ids
            if key in releases
        ],
    }


def build_export(
    site: SiteRequest,
    results: Sequence[BatchResult],
    releases: Mapping[int, Mapping[str, Any]],
    truncated: str,
) -> DataList:
    """Return the results as a list with a row for each term."""
    rows = []
    for result in results:
        row: dict[str, Any] = {
            **dict.fromkeys(BATCH_COLUMNS),
            **_format_result(site, result, releases),
        }
        for number, hit in enumerate(row.pop("hits"), 1):
            row |= {f"{name}_{number}": hit[name] for name in HIT_MEMBERS}
        rows.append(row)
    return DataList(
        title=site.translate("batch.title"),
        page_url=site.url("/-/batch"),
        columns=BATCH_COLUMNS,
        rows=rows,
        truncated=truncated,
    )
