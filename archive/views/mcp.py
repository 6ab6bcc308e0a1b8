"""/-/mcp: tools for language models (Model Context Protocol), if the package mcp is installed.

Each tool requests the site's own JSON from the served application, as the client that called the
tool. The queues, limits and errors are therefore the same as for every visitor
(archive.web.security), and no tool reads the database. The result of a tool contains addresses to
cite, and `complete`, which is false if something was left out.

The transport is Streamable HTTP without sessions: one POST, one JSON response. The SDK's session
manager therefore exists only during a request, and does not need the server's lifespan events.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlsplit

from datasette import Response
from datasette.utils import add_cors_headers

from archive.i18n import translate
from archive.urls import FilterError, format_day_start
from archive.views.agencies import find_agency_slug
from archive.web import CUT_HEADER, SiteRequest, site_view
from archive.web.request_limits import RequestBody

MAX_CHARACTERS = 20_000  # of a text in one result
MAX_ENTRIES = 100
ALLOWED = "OPTIONS, POST"
INSTRUCTIONS = """\
An archive of what Swedish government agencies publish as news, with the later edits and removals \
that it saw. Most texts are in Swedish: search with Swedish words. `published` and `updated` are \
what the agency states, and null if it states nothing; `first_seen` is when the archive first \
read the page, or imported the text. Cite the permalink of the version that you read, and the \
agency's own address (`url`). If `complete` is false, say that the result is incomplete, or read \
on."""
HIT_MEMBERS = (
    *(
        "release",
        "agency",
        "agency_name",
        "kind",
        "title",
        "published",
        "updated",
        "removed_at",
        "url",
        "excerpt",
    ),
    *("match", "page"),
)
VERSION_MEMBERS = (
    *(
        "revision",
        "permalink",
        "release",
        "current_release",
        "current_revision",
        "agency",
        "agency_name",
        "url",
        "kind",
    ),
    *(
        "title",
        "lead",
        "published",
        "updated",
        "seen",
        "removed_at",
        "language",
        "tags",
        "takedowns",
        "citation",
    ),
)
ARGUMENTS: Mapping[str, str] = {  # what the arguments of tools mean
    "query": (
        "Swedish words in any form,"
        ' "phrases in quotation'
        ' marks", -not, OR, word*,'
        " title: rubrik:, dates från:2024-03"
        " till:2024-06, bilaga: for attachments, removed:word and added:word for edits"
    ),
    "agency": "Only this agency: its slug, such as polisen, or its name as in list_agencies",
    "year": "Only releases published in this year",
    "order": "best: the best results first; newest or oldest: by date of publication",
    "earlier_versions": (
        'Also find releases of which only an earlier version has the words (match is "former")'
    ),
    "page": "Page of the results, from 1; `next_page` of the previous result",
    "release": "Number of a release: its current version is read",
    "revision": "Number of a revision: this version is read",
    "offset": (
        "Where to continue in a long text, in characters: `next_offset` of the previous result"
    ),
    "before": "Number of the revision to compare with",
    "after": (
        "Where to continue: `next_after` of the previous result. compare_versions: number of"
        " the other revision"
    ),
    "phrase": "The exact words",
    "text": "A text with quotations, at most 50,000 bytes",
    "since": "First day, as YYYY-MM-DD",
    "what": "edits by the agencies, removals of releases, or new releases",
    "importance": "Only edits of at least this importance, 0 to 100; 60 is a changed fact",
    "size": f"Entries in the result, at most {MAX_ENTRIES}",
}
BAD_REQUEST = -32600  # JSON-RPC 2.0: the message is not a request that can be handled
CHANGES: Mapping[str, tuple[str, str]] = {  # what → path, and the member with the time of an entry
    "edits": ("/-/edits.json", "seen"),
    "removals": ("/-/removed.json", "confirmed"),
    "new": ("/new.json", "first_seen"),
}

current_site: ContextVar[SiteRequest] = ContextVar("current_site")


@site_view("/-/mcp")
async def _serve_mcp(site: SiteRequest) -> Response:
    """Answer a message from a client. Errors are always JSON."""
    headers = {"allow": ALLOWED}
    if site.datasette.cors:
        add_cors_headers(headers)
        headers |= {
            "Access-Control-Allow-Methods": ALLOWED,
            "Access-Control-Allow-Headers": (
                "Content-Type, Mcp-Method, Mcp-Name, Mcp-Protocol-Version"
            ),
        }
    if site.request.method == "OPTIONS":
        return Response.text("", headers=headers)
    if find_spec("mcp") is None:
        return await site.respond_with_error(501, "error.no_mcp", {}, {})
    # a client may try GET for messages that the server begins: there are none
    if site.request.method != "POST":
        return await site.respond_with_error(405, "error.mcp_by_post", {}, {}, headers)
    body: RequestBody = site.request.scope["archive_body"]
    if body.problem:
        # clients read an error in JSON-RPC also from a response that is not successful
        error = {"code": BAD_REQUEST, "message": translate("en", "error.mcp_body")}
        status = 413 if body.problem == "too_long" else 408
        return Response.json(
            {"jsonrpc": "2.0", "id": None, "error": error}, status=status, headers=headers
        )
    response = await _handle_message(site, body.data)
    response.headers |= {name: value for name, value in headers.items() if name != "allow"}
    return response


async def _handle_message(site: SiteRequest, body: bytes) -> Response:
    """Let the SDK handle one message, and return its response."""
    build_manager = await asyncio.to_thread(_load_server)  # the import takes a second
    start: dict[str, Any] = {}
    chunks: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            chunks.append(message.get("body", b""))

    token = current_site.set(site)
    try:
        manager = build_manager()
        async with manager.run():
            await manager.handle_request(site.request.scope, receive, send)
    finally:
        current_site.reset(token)
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]
    }
    content_type = headers.pop("content-type", "application/json")
    headers.pop("content-length", None)
    headers["cache-control"] = "no-store"
    return Response(
        b"".join(chunks).decode(),
        status=start["status"],
        headers=headers,
        content_type=content_type,
    )


@lru_cache(maxsize=1)
def _load_server() -> Callable[[], Any]:
    """Load the SDK, and return a function that builds a session manager.

    A session manager can run only once.
    """
    server_module, types = (
        importlib.import_module("mcp.server"),
        importlib.import_module("mcp.types"),
    )

    class CheckedServer(server_module.MCPServer):  # type: ignore[misc, name-defined] # an optional package
        """The SDK's server. Unlike the original, it rejects arguments that a tool does not
        accept.
        """

        async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
            known = {
                tool.name: list(tool.input_schema["properties"]) for tool in await self.list_tools()
            }
            unknown = [
                argument for argument in arguments if argument not in known.get(name, arguments)
            ]
            if unknown:
                raise fail(
                    f"{name} has no argument"
                    f" {', '.join(unknown)}; it has:"
                    f" {', '.join(known[name]) or 'none'}"
                )
            return await super().call_tool(name, arguments, context)

    handlers = list(logging.root.handlers)
    server = CheckedServer(
        "myndighetsarkivet",
        title="Myndighetsarkivet",
        version=version("myndighetsarkivet"),
        instructions=INSTRUCTIONS,
        log_level="WARNING",
        subscriptions=False,
    )
    # the SDK adds one, which would print the site's messages, too
    logging.root.handlers[:] = handlers
    annotations = types.ToolAnnotations(
        read_only_hint=True, destructive_hint=False, open_world_hint=False
    )
    for tool in TOOLS:
        _describe_arguments(tool)
        server.add_tool(tool, annotations=annotations)

    def build_manager() -> Any:
        # the Host header is checked by archive.web.security; everything here is public
        security = importlib.import_module(
            "mcp.server.transport_security"
        ).TransportSecuritySettings(enable_dns_rebinding_protection=False)
        server.streamable_http_app(
            json_response=True, stateless_http=True, transport_security=security
        )
        return server.session_manager

    return build_manager


def _describe_arguments(tool: Callable[..., Any]) -> None:
    """Add a description to each argument of a tool, where the SDK looks for it."""
    build_field = importlib.import_module("pydantic").Field  # comes with the SDK
    signature = inspect.signature(tool, eval_str=True)
    described = [
        argument.replace(
            annotation=Annotated[argument.annotation, build_field(description=ARGUMENTS[name])]
        )
        for name, argument in signature.parameters.items()
    ]
    vars(tool)["__signature__"] = signature.replace(parameters=described)


# Tools. Their docstrings are read by language models.


async def list_agencies() -> dict[str, Any]:
    """List the agencies in the archive, with their slugs and names, which other tools accept."""
    data, is_whole = await fetch(
        "/archive/agencies.json", _shape="objects", _size="max", _nofacet=1
    )
    complete = is_whole and not data["truncated"] and data["next"] is None
    return {
        "agencies": [pick(row, ("slug", "name", "name_en")) for row in data["rows"]],
        "complete": complete,
    }


async def _find_agency(name: str | None) -> str | None:
    """Return the slug of the agency that has the given slug or name.

    Raises the SDK's ToolError if there is no such agency.
    """
    if name is None:
        return None
    rows = {row["slug"]: row for row in (await list_agencies())["agencies"]}
    try:
        return find_agency_slug(rows, name)
    except FilterError as error:
        raise fail(f"The archive has no agency called “{name}”. list_agencies has all.") from error


async def search(
    *,
    query: str,
    agency: str | None = None,
    year: int | None = None,
    order: Literal["best", "newest", "oldest"] = "best",
    earlier_versions: bool = False,
    page: int = 1,
) -> dict[str, Any]:
    """Search the agencies' news. Returns results with excerpts.

    read_version returns the whole text of a result. Results with match "loose" contain only some of
    the words.
    """
    agency = await _find_agency(agency)
    versions = "all" if earlier_versions else None
    data, _ = await fetch(
        "/search.json",
        q=query,
        agency=agency,
        year=year,
        order=order,
        versions=versions,
        page=page,
        size=10,
    )
    return {
        "total": data["total"],
        "total_is_minimum": data["capped"],
        "complete": data["next"] is None,
        "next_page": page + 1 if data["next"] else None,
        "hits": [pick(hit, HIT_MEMBERS) for hit in data["releases"]],
        "notes": data["notes"],
        "did_you_mean": data["did_you_mean"],
        "searched": data["fresh"],
        "page": data["page"],
    }


async def read_version(
    release: int | None = None, revision: int | None = None, offset: int = 0
) -> dict[str, Any]:
    """Read a release (its current version) or a revision (any version), with a list of versions.

    Use `permalink` in citations.
    """
    if (release is None) == (revision is None):
        raise fail("give either release or revision")
    if revision is None:
        revision = (await read_versions(release))[0]["revision"]
    data, _ = await fetch(f"/-/revision/{revision}.json")
    text = data["body"]
    end = max(offset, 0) + MAX_CHARACTERS
    return {
        **pick(data, VERSION_MEMBERS),
        "is_current": data["current_revision"] == data["revision"],
        "text": text[max(offset, 0) : end],
        "complete": end >= len(text) and offset <= 0,
        "next_offset": end if end < len(text) else None,
        "attachments": data["attachments"],
        "versions": await read_versions(data["current_release"]),
    }


async def read_versions(release: int | None) -> list[dict[str, Any]]:
    """Return the versions of a release, newest first."""
    data, _ = await fetch(f"/-/history/{release}.json")
    events = [event for event in data["events"] if event["revision"] is not None]
    return [
        pick(event, ("revision", "event", "when", "importance", "unannounced", "summary_en"))
        for event in events
    ]


async def compare_versions(before: int, after: int) -> dict[str, Any]:
    """Compare two versions (revisions) of a release: what was removed (del) and inserted (ins).

    The result also says how important the changes are. `unannounced`: whether the agency changed
    the text without changing the update date that it states.
    """
    data, _ = await fetch(f"/-/diff/{before}/{after}.json")
    pieces, size = [], 0
    for piece in data["pieces"]:
        size += len(piece["text"])
        if size > MAX_CHARACTERS:
            break
        pieces.append(piece)
    members = (
        "before",
        "after",
        "release",
        "importance",
        "summary_en",
        "unannounced",
        "changes",
        "page",
    )
    return {**pick(data, members), "pieces": pieces, "complete": len(pieces) == len(data["pieces"])}


async def phrase_history(
    phrase: str, agency: str | None = None, after: int | None = None
) -> dict[str, Any]:
    """Find out when a wording appeared in and disappeared from the agencies' news, in all versions.

    Each row is a period in which a release contained the words. The words appeared between
    last_seen_before and first_seen, and disappeared between last_seen and missing_at (null: the
    release still contained the words at the last check, last_seen). imported: when the first
    version of the period was imported. If the release has not been checked since, last_seen is
    null.
    """
    agency = await _find_agency(agency)
    words = phrase.replace('"', " ")
    data, is_whole = await fetch(
        "/-/phrase.json", q=f'"{words}"', agency=agency, after=after, size=20
    )
    return {
        **pick(data, ("total", "releases", "current_releases", "unchecked_releases")),
        **pick(data, ("first_seen", "last_seen", "agencies", "page")),
        **_describe_rest(data, is_whole=is_whole),
        "presences": data["presences"],
    }


async def check_quotations(text: str) -> dict[str, Any]:
    """Check whether the quotations in a text are in the archive.

    A quotation is a passage in quotation marks, or a paragraph that begins with a dash. verdict:
    verbatim, wrong_speaker (the words are right, but the text seems to quote `speaker`, and the
    release quotes `said_by`), altered (`difference` says how), withdrawn (only an earlier version
    contains it), not_found (the archive does not contain it, which does not mean that it was never
    said), short (too short to be checked), not_checked (a limit on length, number or time was
    reached). speaker_verdict: "same", "other" or "not compared".
    """
    return (await fetch("/-/check.json", body={"text": text}))[0]


async def list_changes(
    *,
    since: date,
    what: Literal["edits", "removals", "new"] = "edits",
    agency: str | None = None,
    importance: int | None = None,
    after: int | None = None,
    size: int = 20,
) -> dict[str, Any]:
    """List changes since a given day, newest first: edits by agencies, removals or new releases.

    `read_since` is when the archive first read the agency's website, or any website if no agency is
    given. If it is null, the archive has never read the website and cannot know its changes.
    """
    agency = await _find_agency(agency)
    path, time = CHANGES[what]
    filters = {"from": since.isoformat(), "importance": importance} if what == "edits" else {}
    size = min(max(size, 1), MAX_ENTRIES)
    data, is_whole = await fetch(path, agency=agency, after=after, size=size, **filters)
    entries = next(data[name] for name in ("edits", "removals", "releases") if name in data)
    start = format_day_start(since) or ""
    selected = [entry for entry in entries if entry[time] >= start]
    if len(selected) < len(entries):  # the rest is older
        data["next"] = None
    options = {"_shape": "objects", "_sort": "started", "_size": 1, "_nofacet": 1, "_nocount": 1}
    crawls, _ = await fetch("/archive/crawls.json", agency=agency, **options)
    read_since = crawls["rows"][0]["started"] if crawls["rows"] else None
    rest = _describe_rest(data, is_whole=is_whole and read_since is not None)
    return {
        "since": since.isoformat(),
        "read_since": read_since,
        what: selected,
        **rest,
        "page": data["page"],
    }


TOOLS = (
    *(
        list_agencies,
        search,
        read_version,
        compare_versions,
        phrase_history,
        check_quotations,
        list_changes,
    ),
)


async def fetch(
    path: str, *, body: object = None, **parameters: object
) -> tuple[dict[str, Any], bool]:
    """Request JSON from the served site, as the client of the current request.

    Returns the data, and whether it is complete. Raises the SDK's ToolError with the site's own
    message if the response is an error.
    """
    site = current_site.get()
    scope = site.request.scope
    headers = {"accept-language": site.language}
    httpx2 = importlib.import_module("httpx2")  # the extra mcp installs it
    transport = httpx2.ASGITransport(
        app=scope["archive_app"], client=scope.get("client") or ("", 0)
    )
    query = {name: str(value) for name, value in parameters.items() if value is not None}
    method, url = "GET" if body is None else "POST", site.url(path)
    async with httpx2.AsyncClient(
        transport=transport, headers=headers, follow_redirects=True
    ) as client:
        response = await client.request(method, url, params=query, json=body)
    data = response.json()
    if response.status_code != 200:
        retry = (
            f" Try again in {response.headers['retry-after']} seconds."
            if "retry-after" in response.headers
            else ""
        )
        raise fail(f"{data['error']}{retry}")
    return data, CUT_HEADER not in response.headers


def fail(message: str) -> Exception:
    """Return the SDK's exception for a failure whose message the caller should read."""
    return importlib.import_module("mcp.server.mcpserver.exceptions").ToolError(message)  # type: ignore[no-any-return]


def _describe_rest(data: Mapping[str, Any], *, is_whole: bool) -> dict[str, Any]:
    """Return the values `complete` and `next_after` for a list of results.

    `next_after` is the cursor of the next page, or None on the last page.
    """
    rest = parse_qs(urlsplit(data["next"] or "").query).get("after")
    return {"complete": is_whole and rest is None, "next_after": int(rest[0]) if rest else None}


def pick(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}
