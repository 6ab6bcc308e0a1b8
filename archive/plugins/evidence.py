"""Hands out the evidence of a version or a removal (/-/evidence/1.zip, /-/evidence/removal-1.zip)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import IO, Any

from datasette import Response, hookimpl

from archive.evidence import write_evidence, write_removal
from archive.history.formats import has_it
from archive.web import refuse

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


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """A short address; eighteen digits are the most that SQLite can hold."""
    return [(r"/-/evidence/(?P<what>removal-)?(?P<key>[0-9]{1,18})\.zip$", show_evidence)]
