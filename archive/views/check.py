"""/-/check (.json): checks the quotations in a text against the archive.

The text is sent by POST: in the field `text` of a form or a JSON object, or as a plain-text body.
It is neither stored nor logged: it is not part of the address, errors are logged without their
message, and the response must not be cached.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from datasette import Response
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers

from archive.changes.wording_history import CheckPair, Import, Presence, format_change
from archive.quotes import (
    MAX_QUOTATION_WORDS,
    MIN_QUOTATION_WORDS,
    QuotationCheck,
    QuotationResult,
    add_speakers,
    find_quotations,
)
from archive.search.results import FRESHNESS_SQL
from archive.search.search_request import SearchRequest, build_hit_url, build_search_url
from archive.web import (
    CUT_HEADER,
    MAX_TEXT_BYTES,
    Operation,
    ReaderError,
    SiteRequest,
    read_fields,
    site_view,
)

MAX_TEXT_QUOTATIONS = 1_000  # listed; more would block other requests while the page is rendered
MAX_CHECK_SECONDS = 15.0
MAX_LINK_WORDS = 25  # of a quotation in a link to a search, or to the marked passage
MIN_MARKED_WORDS = 4  # of a sentence that is marked; a shorter one may be in many places
# text that may be between two sentences that are only adjacent in the quotation
SENTENCE_BREAK = re.compile(r"(?<=[.?!])\s+|\s*(?:\[…\]|…)\s*")
VERDICTS = (
    "verbatim",
    "wrong_speaker",
    "altered",
    "withdrawn",
    "not_found",
    "not_checked",
    "short",
)  # in the order of the summary

SOURCES_SQL = """
    select v.id, v.release, v.title, v.language, v.seen, v.id = r.revision as is_current,
      r.kind, r.published,
      r.updated, r.first_seen, r.added, r.removed_at, r.url, r.agency, a.name, a.name_en
    from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
    where v.id in (select value from json_each(:ids))
"""
SEARCHED_SQL = """
    select (select ifnull(sum(releases), 0) from month_counts where agency = ''
      and month <> '') as releases,
      (select count(*) from revisions where is_edit) as edits
"""


@site_view(
    "/-/check",
    operation=Operation(
        formats=("json",),
        summary="Look up every quotation of a text in all versions of all releases",
        text=f"The text; at most {MAX_TEXT_BYTES} bytes in UTF-8",
        body={
            "complete": "bool Whether every quotation was checked",
            "counts": dict.fromkeys(VERDICTS, "int"),
            "searched": {"releases": "int", "edits": "int", "crawled": "time?"},
            "quotations": [
                {
                    "text": "str",
                    "start": "int First character in the text; line ends count as one",
                    "end": "int",
                    "kind": "str marks or dash",
                    "closed": "bool Whether its closing mark was found",
                    "verdict": f"str {', '.join(VERDICTS)}",
                    "speaker": (
                        "str? Who says it according to the text, if a plain sentence or an"
                        " attribution gives the full name"
                    ),
                    "speaker_verdict": (
                        "str? same, other or not compared: the speaker in the text and in the"
                        " release, where the words are right"
                    ),
                    "said_by": [{"name": "str?", "role": "str?"}],
                    "reason": "str? Why it was not checked: length, number, time",
                    "releases": "int Releases that have it",
                    "releases_are_minimum": "bool Whether there may be more",
                    "omitted_words": "int",
                    "revision": "int? The version that has it, or resembles it most",
                    "permalink": "url? Permanent address of this version",
                    "marked": "url? The release, or this version of it, with the passage marked",
                    "release": "int?",
                    "agency": "str?",
                    "title": "str?",
                    "published": "str?",
                    "current": "bool? Whether this version is the current one",
                    "difference": [
                        {
                            "op": "str same, del (only in the release), ins (only in the text)",
                            "text": "str",
                        }
                    ],
                    "appeared": "any The checks, or a collection’s readings, when it came",
                    "disappeared": "any The same for when it was gone",
                    "removed": "bool Whether the release was removed",
                    "comparison": "url?",
                    "search": "url?",
                }
            ],
        },
        statuses={
            405: "Not sent by POST",
            408: "The body did not arrive in time",
            413: "The text is too long",
            415: "Another type or encoding",
        },
    ),
)
async def _show_check(site: SiteRequest) -> Response:
    """Show the form or, for a POST request, the result of checking the text that was sent."""
    if site.request.method != "POST":
        if site.format_name:
            return await site.respond_with_error(
                405, "error.check_by_post", {}, {}, {"allow": "OPTIONS, POST"}
            )
        return await site.render("check.html", {"max_bytes": MAX_TEXT_BYTES})
    text = read_fields(site)["text"]
    context = await _check_text(site, text)
    headers = {"cache-control": "no-store"}
    if site.datasette.cors and site.format_name:
        add_cors_headers(headers)
    if not context["complete"]:
        headers[CUT_HEADER] = f"after {context['checked']} quotations"
        headers["Access-Control-Expose-Headers"] = CUT_HEADER
    if not site.format_name:
        return await site.render(
            "check.html", {**context, "max_bytes": MAX_TEXT_BYTES, "text": text}, headers=headers
        )
    members = {name: context[name] for name in ("complete", "counts", "searched")}
    members["quotations"] = [_format_result(site, *found) for found in context["results"]]
    return Response.json(members, headers=headers)


async def _check_text(site: SiteRequest, text: str) -> dict[str, Any]:
    """Find the quotations in a text, and look them up in the archive.

    Returns the template variables: the results, each with its source and links, and facts about
    what was searched.
    """

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        try:
            return await site.run(sql, values)
        except QueryInterrupted:
            raise TimeoutError from None

    quotations = await asyncio.to_thread(find_quotations, text)
    if len(quotations) > MAX_TEXT_QUOTATIONS:
        raise ReaderError(413, "error.check_too_many", limit=MAX_TEXT_QUOTATIONS)
    checker = QuotationCheck(run, seconds=MAX_CHECK_SECONDS)
    results = await checker.check(await asyncio.to_thread(add_speakers, text, quotations))
    revisions = [result.revision for result in results if result.revision is not None]
    sources = {
        row["id"]: dict(row) for row in await site.run(SOURCES_SQL, {"ids": json.dumps(revisions)})
    }
    counts: Counter[str] = Counter(result.verdict for result in results)
    return {
        "results": [
            (
                result,
                sources.get(result.revision or 0),
                _build_search_link(site, result),
                _build_marked_link(site, result, sources),
            )
            for result in results
        ],
        "counts": {verdict: counts[verdict] for verdict in VERDICTS},
        "checked": len(results) - counts["not_checked"],
        "complete": not counts["not_checked"],
        "searched": {
            **dict((await site.run(SEARCHED_SQL, {}))[0]),
            "crawled": (await site.run(FRESHNESS_SQL, {}))[0]["crawled"],
        },
        "format_end": partial(format_change, site.language, appeared=False),
        "max_words": MAX_QUOTATION_WORDS,
        "min_words": MIN_QUOTATION_WORDS,
    }


def _build_search_link(site: SiteRequest, result: QuotationResult) -> str | None:
    """Return the path of a search for the releases that contain a quotation.

    Returns None if at most one release contains the quotation. For a quotation that is too short to
    check, returns None only if no release contains it.
    """
    if result.releases < (1 if result.verdict == "short" else 2):
        return None
    words = result.quotation.pieces[0].text.split()[:MAX_LINK_WORDS]
    return build_search_url(SearchRequest(text=f'"{" ".join(words)}"'), site.requested_language)


def _build_marked_link(
    site: SiteRequest, result: QuotationResult, sources: Mapping[int, Mapping[str, Any]]
) -> str | None:
    """Return the path that leads to a quotation in its release, with the quotation highlighted.

    For an altered quotation, the path leads to the original passage. Returns None if no release was
    found.
    """
    source = sources.get(result.revision or 0)
    if source is None:
        return None
    original = [segment.text for segment in result.segments if segment.op != "ins"]
    passage = "".join(original) or " … ".join(piece.text for piece in result.quotation.pieces)
    words = " OR ".join(f'"{phrase}"' for phrase in _choose_marked_phrases(passage))
    path = f"/archive/releases/{source['release']}"
    if not source["is_current"]:
        path = f"/-/revision/{source['id']}"
    request = SearchRequest(text=words)
    return build_hit_url(f"{path}#place-1", request, None, site.requested_language)


def _choose_marked_phrases(passage: str) -> list[str]:
    """Return the sentences of a passage that are to be highlighted in the release.

    The sentences contain at most MAX_LINK_WORDS words in all. Each sentence is highlighted
    separately, because the release may contain an attribution (", säger NAME") between two of them.

    >>> _choose_marked_phrases("Ja. Vi är klara i år. Det … blir bra till slut.")
    ['Vi är klara i år.', 'blir bra till slut.']
    """
    parts = [part.split() for part in SENTENCE_BREAK.split(passage) if part]
    long = [part for part in parts if len(part) >= MIN_MARKED_WORDS]
    phrases, left = [], MAX_LINK_WORDS
    for part in long or sorted(parts, key=len)[-1:]:
        if left > 0:
            phrases.append(" ".join(part[:left]))
            left -= len(part)
    return phrases


def _format_result(
    site: SiteRequest,
    result: QuotationResult,
    source: Mapping[str, Any] | None,
    search_path: str | None,
    marked_path: str | None,
) -> dict[str, Any]:
    quotation = result.quotation
    return {
        "text": quotation.text,
        "start": quotation.start,
        "end": quotation.end,
        "kind": quotation.kind,
        "closed": quotation.is_closed,
        "verdict": result.verdict,
        "speaker": quotation.speaker,
        "speaker_verdict": result.speaker_verdict,
        "said_by": [{"name": each["name"], "role": each["role"]} for each in result.speakers],
        "reason": result.reason,
        "releases": result.releases,
        "releases_are_minimum": result.is_minimum,
        "omitted_words": result.omitted,
        "revision": result.revision,
        "permalink": site.url(f"/-/revision/{result.revision}") if result.revision else None,
        "marked": site.url(marked_path) if marked_path else None,
        **_format_source(source),
        "difference": [{"op": segment.op, "text": segment.text} for segment in result.segments],
        **_format_presence(site, result),
        "search": site.url(search_path) if search_path else None,
    }


def _format_source(source: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the JSON values that describe the release in which a quotation was found.

    All values are null if there is no such release.
    """
    names = ("release", "agency", "title", "published")
    if not source:
        return dict.fromkeys((*names, "current"))
    return {**{name: source[name] for name in names}, "current": bool(source["is_current"])}


def _format_presence(site: SiteRequest, result: QuotationResult) -> dict[str, Any]:
    """Return the JSON values that say when a quotation appeared and disappeared.

    Unknown values are null.
    """
    presence = result.presence
    if not presence:
        return dict.fromkeys(("appeared", "disappeared")) | {"removed": False, "comparison": None}
    comparison = f"/-/diff/{presence.last}/{presence.after}" if presence.after else None
    return {
        "appeared": _format_checks(presence.appeared, presence.first_import),
        "disappeared": _format_disappearance(presence),
        "removed": presence.removal is not None,
        "comparison": site.url(comparison) if comparison else None,
    }


def _format_disappearance(presence: Presence) -> dict[str, str | None] | None:
    """Return the times of the checks (or readings of a collection) between which a quotation
    disappeared, as JSON values.

    Returns None if the quotation has not disappeared.
    """
    pair = presence.disappeared
    if pair is None:
        return None
    if bool(presence.last_import) != bool(presence.import_after):
        pair = pair._replace(after=None)  # a reading, not a check, or the other way around
    return _format_checks(pair, presence.import_after)


def _format_checks(pair: CheckPair, imported: Import | None) -> dict[str, str | None]:
    """Return the times of two checks as JSON values.

    imported: the import of a collection, if the later check was a reading of that collection, or
        None if it was not.
    """
    if imported is None:
        return {"after": pair.after, "until": pair.until}
    return {
        "after": None,
        "until": None,
        "imported": imported.when,
        "collection": imported.collection,
        "last_reading_before": pair.after,
        "first_reading": pair.until if imported.is_dated else None,
    }
