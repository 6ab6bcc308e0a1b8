"""Puts strict headers on pages of our own; Datasette's pages need inline scripts and are left alone."""

from __future__ import annotations

from typing import Any

from datasette import hookimpl

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def own_headers(language: str) -> list[tuple[bytes, bytes]]:
    """What a page of ours says beside its content."""
    return [
        (b"content-security-policy", POLICY.encode()),
        (b"content-language", language.encode()),
        (b"vary", b"Accept-Language, Cookie, Authorization"),
        (b"x-content-type-options", b"nosniff"),
    ]


@hookimpl
def asgi_wrapper(datasette: Any) -> Any:
    """interface.py notes in the scope that a template of ours was rendered, and in which language."""

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            page: dict[str, str] = {}

            async def send_marked(message: dict[str, Any]) -> None:
                if page and message["type"] == "http.response.start":
                    own = own_headers(page["language"])
                    names = {name for name, _ in own}
                    kept = [(k, v) for k, v in message.get("headers", []) if k.lower() not in names]
                    message = {**message, "headers": [*kept, *own]}
                await send(message)

            await app({**scope, "archive_page": page}, receive, send_marked)

        return serve

    return wrap
