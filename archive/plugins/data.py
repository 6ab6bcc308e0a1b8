"""/-/changes, evidence zips, canned queries.

What changed since a cursor (/-/delta.json, .ndjson): followed from the beginning it makes a mirror.

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
from archive.changefeed import AheadError, DeltaPage, DeltaQuery, StrangerError, parse_delta, read_delta
from archive.evidence import write_evidence, write_removal
from archive.i18n import say
from archive.params import FilterError
from archive.web.responses import Listing, absolute, add_query, deliver, has_it, language_of, refuse, runner

PATH = "/-/delta"
LATER = "60"  # seconds, after which a copy that is behind may be asked again
COLUMNS = ("number", "cursor", "change", "at", "release", "revision", "cause", "takedown", "action", "state")


async def show_delta(request: Any, datasette: Any) -> Any:
    """A page of the log; a cursor that cannot be read or followed is refused."""
    kind = request.url_vars["format"]
    try:
        query = parse_delta(request.args)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    try:
        page = await read_delta(runner(datasette), query)
    except StrangerError:
        return await refuse(datasette, request, kind, 410, "delta_stranger", value=query.cursor)
    except AheadError:
        refusal = await refuse(datasette, request, kind, 503, "delta_ahead", value=query.cursor)
        refusal.headers["retry-after"] = LATER
        return refusal
    except QueryInterrupted:
        return await refuse(datasette, request, kind, 503, "too_slow_list")
    lang = language_of(request)
    return await deliver(datasette, request, kind, to_listing(datasette, request, query, page), lang)


def to_listing(datasette: Any, request: Any, query: DeltaQuery, page: DeltaPage) -> Listing:
    """The page as data; `cursor` is where to go on, now or another day."""
    asked = {name: request.args.get(name) for name in ("size", "lang")}

    def at(since: str) -> str:
        return absolute(datasette, request, add_query(f"{PATH}.{request.url_vars['format']}", since=since, **asked))

    return Listing(
        name="changes",
        title=say(language_of(request), "delta_title"),
        page=absolute(datasette, request, "/archive/delta"),
        self=at(query.cursor),
        next=at(page.cursor) if page.more else None,
        rows=page.entries,
        columns=COLUMNS,
        entries=no_entries,
        head={"cursor": page.cursor},
    )


async def no_entries() -> list[Any]:
    """The log is no feed to be read."""
    return []


def delta_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(PATH + r"\.(?P<format>json|ndjson)$", show_delta)]


IN_MEMORY = 2_000_000  # bytes of a zip; a larger one goes through a file
CHUNK = 64_000
AT_ONCE = BoundedSemaphore(2)  # each may hold one answer's bytes in memory


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
            while piece := file.read(CHUNK):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def show_evidence(request: Any, datasette: Any) -> Any:
    """The zip, or a page that says what does not exist. captures.db is read where it lies, never served."""
    path, key = datasette.get_database("archive").path, int(request.url_vars["key"])
    what = request.url_vars["what"] or ""
    file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by the response
    if not await asyncio.to_thread(write, Path(path), what, key, file):
        file.close()
        if what:
            return await refuse(datasette, request, None, 404, "no_such_removal", removal=str(key))
        return await refuse(datasette, request, None, 404, "diff_missing", revision=str(key))
    etag = await asyncio.to_thread(
        find_etag, file
    )  # the same archive makes the same bytes (archive/evidence/bundle.py)
    if has_it(request.headers.get("if-none-match"), etag):
        file.close()
        return Response("", status=304, headers={"etag": etag}, content_type="application/zip")
    return ZipFileResponse(file, f"evidence-{what}{key}.zip", etag)


def find_etag(file: IO[bytes]) -> str:
    """What tells its bytes from others."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(CHUNK):
        digest.update(piece)
    return f'"{digest.hexdigest()[:32]}"'


def write(path: Path, what: str, key: int, file: IO[bytes]) -> bool:
    """False where there is no such revision or removal."""
    with AT_ONCE:
        return (write_removal if what else write_evidence)(path, key, file)


def evidence_routes() -> list[tuple[str, Any]]:
    """A short address; eighteen digits are the most that SQLite can hold."""
    return [(r"/-/evidence/(?P<what>removal-)?(?P<key>[0-9]{1,18})\.zip$", show_evidence)]


QUERIES = Path(archive.__path__[0]) / "queries"


def read_canned(path: Path) -> dict[str, str]:
    """A query file: first comment line the title, further ones the description, then the SQL."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
    return {"title": comments[0], "description": " ".join(comments[1:]), "sql": sql}


@hookimpl
def canned_queries(database: str) -> dict[str, Any]:
    """Of the archive only."""
    return {p.stem: read_canned(p) for p in sorted(QUERIES.glob("*.sql"))} if database == "archive" else {}


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*delta_routes(), *evidence_routes()]
