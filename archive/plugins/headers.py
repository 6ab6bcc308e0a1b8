"""Puts strict headers on every answer; only Datasette's own pages, which need inline scripts, may have those.

It also says what a cache may keep, and for how long. Over a snapshot (`datasette serve --immutable`) every answer has
the moment of the snapshot as Last-Modified and an ETag, and who has it already is told so without any SQL.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from pathlib import Path
from typing import Any

from datasette import hookimpl

from archive.language import choose_language
from archive.times import now

BOUNDS = ("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'")
OURS = "; ".join(("default-src 'none'", "style-src 'self'", "img-src 'self'", *BOUNDS))
DATASETTE = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        *BOUNDS,
    )
)
AGE = re.compile(rb"(max-age=|s-maxage=)(\d+)", re.IGNORECASE)
LONGEST = 5  # seconds, as Datasette's default
VARY = b"Accept-Language, Cookie, Authorization"  # feeds and data are told in the reader's language, too
OWN_SQL = re.compile(r"(^|&)(sql|_where|_stream|_ttl|_nocache)=")  # may ask for chance, or for the time
STATIC = ("/static/", "/-/static/", "/-/static-plugins/", "/favicon.ico")
SEALED = "default-src 'none'; sandbox; frame-ancestors 'none'"  # JSON, CSV, feeds, files: nothing in them may run
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # an agency is not told what a reader searched for
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"),
)


def find_headers(kind: str, language: str | None) -> dict[bytes, bytes]:
    """What an answer of a media type says beside its content; `language` is that of a template of ours, else None."""
    told = dict(ALWAYS)
    page = OURS if language else DATASETTE
    told[b"content-security-policy"] = (page if kind == "text/html" else SEALED).encode()
    if language:
        told[b"content-language"] = language.encode()
    return told


class Stamp:
    """What tells one state of the site from another; none over an archive that a crawl may change at any moment."""

    def __init__(self, datasette: Any) -> None:
        self.datasette = datasette
        self.changed: bytes | None = None  # of the file: told also when that was deleted since

    def find(self, scope: dict[str, Any]) -> dict[bytes, bytes]:
        """ETag and Last-Modified for a request; the hour is in it, for pages also tell how old what they show is."""
        db = self.datasette.databases.get("archive")
        if db is None or db.is_mutable or scope["method"] not in ("GET", "HEAD"):
            return {}
        if OWN_SQL.search(scope.get("query_string", b"").decode("latin-1")):
            return {}
        accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        tag = f'W/"{db.hash[:20]}-{choose_language(None, accepted)}-{now():%d%H}"'
        if self.changed is None:
            self.changed = formatdate(Path(db.path).stat().st_mtime, usegmt=True).encode()
        return {b"etag": tag.encode(), b"last-modified": self.changed}


def is_known(scope: dict[str, Any], stamp: dict[bytes, bytes]) -> bool:
    """Whether who asks has just this already.

    >>> asked = {"headers": [(b"if-none-match", b'W/"1", W/"2-sv"')]}
    >>> is_known(asked, {b"etag": b'W/"2-sv"'}), is_known(asked, {b"etag": b'W/"2-en"'}), is_known(asked, {})
    (True, False, False)
    """
    if not stamp:
        return False
    known = dict(scope["headers"]).get(b"if-none-match", b"")
    return stamp[b"etag"] in (each.strip() for each in known.split(b","))


def say_caching(said: list[tuple[bytes, bytes]], status: int, stamp: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """The fields with what a cache may do: keep what went well for a moment, and nothing of a fault."""
    kept = [(name, shorten(value) if name == b"cache-control" else value) for name, value in said]
    names = {name for name, _ in kept}
    if status >= 500:
        return [*((name, value) for name, value in kept if name != b"cache-control"), (b"cache-control", b"no-store")]
    kept = [*((name, value) for name, value in kept if name != b"vary"), (b"vary", VARY)]
    if status in (200, 304):
        kept += [(name, value) for name, value in stamp.items() if name not in names]
        kept += [] if b"cache-control" in names else [(b"cache-control", f"max-age={LONGEST}".encode())]
    return kept


def shorten(caching: bytes) -> bytes:
    """A cache may keep nothing for long, whatever a visitor asked for with `_ttl=`: a text may be taken down.

    >>> [shorten(b) for b in (b"max-age=31536000", b"max-age=5", b"private, no-store", b"public, s-maxage=9999")]
    [b'max-age=5', b'max-age=5', b'private, no-store', b'public, s-maxage=5']
    """
    return AGE.sub(lambda found: found[1] + str(min(int(found[2][-9:]), LONGEST)).encode(), caching)


def stand_at(scope: dict[str, Any], origin: str) -> dict[str, Any]:
    """The request as if it were made to the site's public address, whatever its Host header says."""
    scheme, _, host = origin.rstrip("/").partition("://")
    kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "scheme": scheme, "headers": [*kept, (b"host", host.encode())]}


@hookimpl(trylast=True)  # outermost: what another wrapper refuses has them, too
def asgi_wrapper(datasette: Any) -> Any:
    """interface.py notes in the scope that a template of ours was rendered, and in which language."""
    origin = (datasette.plugin_config("headers") or {}).get("origin")
    base = datasette.setting("base_url").rstrip("/")
    stamps = Stamp(datasette)

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            page: dict[str, str] = {}
            if origin and scope["type"] == "http":
                scope = stand_at(scope, origin)
            lasting = str(scope.get("path", "")).removeprefix(base).startswith(STATIC)
            stamp = stamps.find(scope) if scope["type"] == "http" and not lasting else {}

            async def send_marked(message: dict[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    said = [(name.lower(), value) for name, value in message.get("headers", [])]
                    kind = dict(said).get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
                    own = find_headers("" if 300 <= message["status"] < 400 else kind, page.get("language"))
                    kept = [(name, value) for name, value in said if name not in own]
                    if not lasting:
                        kept = say_caching(kept, message["status"], stamp)
                    message = {**message, "headers": [*kept, *own.items()]}
                await send(message)

            if is_known(scope, stamp):
                # nothing else: a browser puts what a 304 says in the place of what it has, the policy too
                fields = say_caching([], 304, stamp)
                await send({"type": "http.response.start", "status": 304, "headers": fields})
                await send({"type": "http.response.body", "body": b""})
            else:
                await app({**scope, "archive_page": page}, receive, send_marked)

        return serve

    return wrap
