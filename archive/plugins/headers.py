"""Puts strict headers on every answer; only Datasette's own pages, which need inline scripts, may have those."""

from __future__ import annotations

import re
from typing import Any

from datasette import hookimpl

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
        told[b"vary"] = b"Accept-Language, Cookie, Authorization"
    return told


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

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            page: dict[str, str] = {}
            if origin and scope["type"] == "http":
                scope = stand_at(scope, origin)
            lasting = str(scope.get("path", "")).removeprefix(base).startswith(STATIC)

            async def send_marked(message: dict[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    said = [(name.lower(), value) for name, value in message.get("headers", [])]
                    kind = dict(said).get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
                    own = find_headers("" if 300 <= message["status"] < 400 else kind, page.get("language"))
                    kept = [(name, value) for name, value in said if name not in own]
                    if not lasting:
                        kept = [(name, shorten(value) if name == b"cache-control" else value) for name, value in kept]
                    message = {**message, "headers": [*kept, *own.items()]}
                await send(message)

            await app({**scope, "archive_page": page}, receive, send_marked)

        return serve

    return wrap
