"""/-/changes, evidence zips, canned queries.

What changed since a cursor (/-/changes.json, .ndjson): followed from the beginning it makes a mirror.

Hands out the evidence of a version or a removal (/-/evidence/1.zip, /-/evidence/removal-1.zip).

Offers each file in archive/queries as a canned query: /archive/<name>, its opening comment tells what it is.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import IO, Any

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted

import archive
from archive.changefeed import (
    ChangefeedPage,
    ChangefeedQuery,
    CursorAheadError,
    UnknownCursorError,
    parse_changefeed_query,
    read_changefeed,
)
from archive.evidence import write_removal_bundle, write_revision_bundle
from archive.i18n import translate
from archive.params import FilterError
from archive.web.responses import (
    DataDocument,
    add_query,
    build_absolute_url,
    build_query_runner,
    get_request_language,
    matches_etag,
    render_document,
    render_error,
)

CHANGES_PATH = "/-/changes"
CHANGES_RETRY_AFTER = "60"  # seconds, after which a copy that is behind may be asked again
CHANGES_COLUMNS = ("number", "cursor", "change", "at", "release", "revision", "cause", "takedown", "action", "state")


async def show_changes(request: Any, datasette: Any) -> Any:
    """A page of the log; a cursor that cannot be read or followed is refused."""
    kind = request.url_vars["format"]
    try:
        query = parse_changefeed_query(request.args)
    except FilterError as error:
        return await render_error(datasette, request, kind, 400, error.text_key, **error.text_values)
    try:
        page = await read_changefeed(build_query_runner(datasette), query)
    except UnknownCursorError:
        return await render_error(datasette, request, kind, 410, "delta_stranger", value=query.cursor)
    except CursorAheadError:
        refusal = await render_error(datasette, request, kind, 503, "delta_ahead", value=query.cursor)
        refusal.headers["retry-after"] = CHANGES_RETRY_AFTER
        return refusal
    except QueryInterrupted:
        return await render_error(datasette, request, kind, 503, "too_slow_list")
    lang = get_request_language(request)
    return await render_document(
        datasette, request, kind, build_changes_document(datasette, request, query, page), lang
    )


def build_changes_document(datasette: Any, request: Any, query: ChangefeedQuery, page: ChangefeedPage) -> DataDocument:
    """The page as data; `cursor` is where to go on, now or another day."""
    asked = {name: request.args.get(name) for name in ("size", "lang")}

    def at(since: str) -> str:
        return build_absolute_url(
            datasette, request, add_query(f"{CHANGES_PATH}.{request.url_vars['format']}", since=since, **asked)
        )

    return DataDocument(
        rows_name="changes",
        title=translate(get_request_language(request), "delta_title"),
        page_url=build_absolute_url(datasette, request, "/archive/changefeed"),
        url=at(query.cursor),
        next_url=at(page.cursor) if page.has_more else None,
        rows=page.entries,
        columns=CHANGES_COLUMNS,
        read_entries=read_no_entries,
        extra_members={"cursor": page.cursor},
    )


async def read_no_entries() -> list[Any]:
    """The log is no feed to be read."""
    return []


def changes_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(CHANGES_PATH + r"\.(?P<format>json|ndjson)$", show_changes)]


MAX_MEMORY_BYTES = 2_000_000  # bytes of a zip; a larger one goes through a file
ZIP_CHUNK_BYTES = 64_000
BUNDLE_SEMAPHORE = BoundedSemaphore(2)  # each may hold one answer's bytes in memory


class ZipFileResponse:
    """Sends a file piece by piece, and closes it."""

    def __init__(self, file: IO[bytes], name: str, etag: str) -> None:
        self.file = file
        self.headers = [
            (b"content-type", b"application/zip"),
            (b"content-length", str(file.seek(0, 2)).encode()),
            (b"etag", etag.encode()),
            (b"content-disposition", f'attachment; filename="{name}"'.encode()),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def asgi_send(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """What Datasette asks of a response."""
        with self.file as file:
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            file.seek(0)
            while piece := file.read(ZIP_CHUNK_BYTES):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def show_evidence(request: Any, datasette: Any) -> Any:
    """The zip, or a page that says what does not exist. captures.db is read where it lies, never served."""
    path, key = datasette.get_database("archive").path, int(request.url_vars["key"])
    what = request.url_vars["what"] or ""
    file: IO[bytes] = SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES)  # noqa: SIM115 - closed by the response
    if not await asyncio.to_thread(write_evidence_zip, Path(path), what, key, file):
        file.close()
        if what:
            return await render_error(datasette, request, None, 404, "no_such_removal", removal=str(key))
        return await render_error(datasette, request, None, 404, "diff_missing", revision=str(key))
    etag = await asyncio.to_thread(
        compute_file_etag, file
    )  # the same archive makes the same bytes (archive/evidence/bundle.py)
    if matches_etag(request.headers.get("if-none-match"), etag):
        file.close()
        return Response("", status=304, headers={"etag": etag}, content_type="application/zip")
    return ZipFileResponse(file, f"evidence-{what}{key}.zip", etag)


def compute_file_etag(file: IO[bytes]) -> str:
    """What tells its bytes from others."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(ZIP_CHUNK_BYTES):
        digest.update(piece)
    return f'"{digest.hexdigest()[:32]}"'


def write_evidence_zip(path: Path, prefix: str, row_id: int, file: IO[bytes]) -> bool:
    """False where there is no such revision or removal."""
    with BUNDLE_SEMAPHORE:
        return (write_removal_bundle if prefix else write_revision_bundle)(path, row_id, file)


def evidence_routes() -> list[tuple[str, Any]]:
    """A short address; eighteen digits are the most that SQLite can hold."""
    return [(r"/-/evidence/(?P<what>removal-)?(?P<key>[0-9]{1,18})\.zip$", show_evidence)]


QUERIES_FOLDER = Path(archive.__path__[0]) / "queries"


def read_query_file(path: Path) -> dict[str, str]:
    """A query file: first comment line the title, further ones the description, then the SQL."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
    return {"title": comments[0], "description": " ".join(comments[1:]), "sql": sql}


@hookimpl
def canned_queries(database: str) -> dict[str, Any]:
    """Of the archive only."""
    return {p.stem: read_query_file(p) for p in sorted(QUERIES_FOLDER.glob("*.sql"))} if database == "archive" else {}


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*changes_routes(), *evidence_routes()]
