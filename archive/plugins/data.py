"""Data of the archive: the change feed, evidence files and canned queries.

- /-/changes.json and .ndjson: what changed since a cursor; followed from the beginning, it makes a mirror.
- /-/evidence/1.zip and /-/evidence/removal-1.zip: the evidence of a revision or a removal.
- /archive/<name>: a canned query for each file in archive/queries.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import IO, Any

from datasette import Response, hookimpl
from datasette.blob_renderer import render_blob

import archive
from archive.changefeed import (
    ChangefeedPage,
    ChangefeedQuery,
    CursorAheadError,
    UnknownCursorError,
    parse_changefeed_query,
    read_changefeed,
)
from archive.evidence import write_bundle
from archive.i18n import translate
from archive.params import FilterError
from archive.web.responses import (
    FILE_CHUNK_BYTES,
    DataDocument,
    FileStream,
    build_absolute_url,
    build_query_runner,
    get_request_language,
    matches_etag,
    render_document,
    render_error,
    render_query_errors,
)

CHANGES_PATH = "/-/changes"
CHANGES_RETRY_AFTER = "60"  # seconds; the server is a replica that is behind the cursor
CHANGES_COLUMNS = ("number", "cursor", "change", "at", "release", "revision", "cause", "takedown", "action", "state")
MAX_MEMORY_BYTES = 2_000_000  # bytes of a zip; a larger one is written to a temporary file
BUNDLE_SEMAPHORE = BoundedSemaphore(2)  # each bundle may have the bytes of one response in memory
QUERIES_FOLDER = Path(archive.__path__[0]) / "queries"


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [
        (CHANGES_PATH + r"\.(?P<format>json|ndjson)$", show_changes),
        # SQLite stores any number of up to 18 digits
        (r"/-/evidence/(?P<what>removal-)?(?P<key>[0-9]{1,18})\.zip$", show_evidence),
    ]


@render_query_errors
async def show_changes(request: Any, datasette: Any) -> Any:
    """Show a page of the change feed: 410 for a cursor of another archive, 503 for one ahead of this replica."""
    format_name = request.url_vars["format"]
    query = parse_changefeed_query(request.args)
    try:
        page = await read_changefeed(build_query_runner(datasette), query)
    except UnknownCursorError:
        return await render_error(datasette, request, format_name, 410, "delta_stranger", value=query.cursor)
    except CursorAheadError:
        response = await render_error(datasette, request, format_name, 503, "delta_ahead", value=query.cursor)
        response.headers["retry-after"] = CHANGES_RETRY_AFTER
        return response
    document = build_changes_document(datasette, request, query, page)
    return await render_document(datasette, request, format_name, document, get_request_language(request))


def build_changes_document(datasette: Any, request: Any, query: ChangefeedQuery, page: ChangefeedPage) -> DataDocument:
    """Build a page of the change feed; its `cursor` is where to continue, now or later."""
    path = f"{CHANGES_PATH}.{request.url_vars['format']}"
    options = {name: request.args.get(name) for name in ("size", "lang")}

    def build_url(since: str) -> str:
        return build_absolute_url(datasette, request, path, since=since, **options)

    return DataDocument(
        rows_name="changes",
        title=translate(get_request_language(request), "delta_title"),
        page_url=build_absolute_url(datasette, request, "/archive/changefeed"),
        url=build_url(query.cursor),
        next_url=build_url(page.cursor) if page.has_more else None,
        rows=page.entries,
        columns=CHANGES_COLUMNS,
        extra_members={"cursor": page.cursor},
    )


async def show_evidence(request: Any, datasette: Any) -> Any:
    """Send the evidence of a revision or removal as a zip, or a page that says that there is none."""
    path, row_id = datasette.get_database("archive").path, int(request.url_vars["key"])
    prefix = request.url_vars["what"] or ""
    file: IO[bytes] = SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES)  # noqa: SIM115 - closed by the response
    if not await asyncio.to_thread(write_evidence_zip, Path(path), prefix, row_id, file):
        file.close()
        if prefix:
            return await render_error(datasette, request, None, 404, "no_such_removal", removal=str(row_id))
        return await render_error(datasette, request, None, 404, "diff_missing", revision=str(row_id))
    etag = await asyncio.to_thread(compute_file_etag, file)  # archive.evidence writes the same bytes each time
    if matches_etag(request.headers.get("if-none-match"), etag):
        file.close()
        return Response("", status=304, headers={"etag": etag}, content_type="application/zip")
    headers = {
        "content-type": "application/zip",
        "etag": etag,
        "content-disposition": f'attachment; filename="evidence-{prefix}{row_id}.zip"',
        "x-content-type-options": "nosniff",
    }
    return FileStream(file, headers)


def write_evidence_zip(path: Path, prefix: str, row_id: int, file: IO[bytes]) -> bool:
    """Write the evidence of a removal (with a prefix) or revision; return whether there is such a row."""
    with BUNDLE_SEMAPHORE:
        return write_bundle(path, "removals" if prefix else "revisions", row_id, file)


def compute_file_etag(file: IO[bytes]) -> str:
    """Return a strong ETag of a file's bytes."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(FILE_CHUNK_BYTES):
        digest.update(piece)
    return f'"{digest.hexdigest()[:32]}"'


@hookimpl(trylast=True)  # what is registered last counts, also for Datasette's own .blob
def register_output_renderer() -> list[dict[str, Any]]:
    """Return the renderer of bytes, and let Datasette's pages link to Excel files, which archive.web.tables writes."""
    return [
        {"extension": "xlsx", "render": lambda: None, "can_render": lambda view_name: view_name != "row"},
        {"extension": "blob", "render": render_bytes, "can_render": lambda: False},
    ]


async def render_bytes(rows: Any, columns: Any, request: Any, table: str | None) -> Any:
    """Return the bytes in a column as Datasette does; raise FilterError if there are none."""
    column = request.args.get("_blob_column")
    found = [row for row in rows if isinstance(row[column], bytes)] if column in columns else []
    if not found:
        raise FilterError("_blob_column", column or "", "a column with bytes", "bad_blob")
    return await render_blob(None, None, found, columns, request, table, None)  # it reads no more than these


@hookimpl
def canned_queries(database: str) -> dict[str, Any]:
    return {p.stem: read_query_file(p) for p in sorted(QUERIES_FOLDER.glob("*.sql"))} if database == "archive" else {}


def read_query_file(path: Path) -> dict[str, str]:
    """Read a canned query: the first comment line is its title, further ones are its description."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
    return {"title": comments[0], "description": " ".join(comments[1:]), "sql": sql}
