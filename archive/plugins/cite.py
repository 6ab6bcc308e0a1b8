"""Citations (/-/cite/<revision>, with .txt, .bib, .ris and .csl.json) and the card on the reading page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

from datasette import Response, hookimpl
from datasette.utils import add_cors_headers

from archive.citation import Citation, read_cited, to_citation
from archive.citation.formats import TYPES, write
from archive.history.formats import has_it
from archive.web import absolute, language_of, refuse, runner

READING_PAGE = "row-archive-releases.html"
ENDINGS = "|".join(re.escape(ending) for ending in TYPES)


async def cite(datasette: Any, request: Any, revision: int, lang: str) -> Citation | None:
    """The citation of a revision, if there is one."""
    row = await read_cited(runner(datasette), revision)
    return to_citation(row, absolute(datasette, request, f"/-/revision/{revision}"), lang) if row else None


async def show_cite(request: Any, datasette: Any) -> Any:
    """All forms on one page, or one of them as a file."""
    revision, ending, lang = int(request.url_vars["revision"]), request.url_vars["format"], language_of(request)
    cited = await cite(datasette, request, revision, lang)
    if cited is None:
        return await refuse(datasette, request, ending, 404, "revision_missing", revision=str(revision))
    if ending:
        return to_file(datasette, request, cited, ending, lang)
    context = {"cited": cited, "forms": write_all(cited, lang)}
    page = await datasette.render_template("cite.html", context, request=request)
    return Response.html(page, headers={"x-robots-tag": "noindex"})


def to_file(datasette: Any, request: Any, cited: Citation, ending: str, lang: str) -> Any:
    """One form, to be saved; 304 where the reader has it."""
    text = write(cited, ending, lang)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {
        "etag": etag,
        "cache-control": "no-cache",
        "vary": "Accept-Language",
        "x-content-type-options": "nosniff",
    }
    headers["content-language"] = lang
    if datasette.cors:
        add_cors_headers(headers)
    if has_it(request.headers.get("if-none-match"), etag):
        return Response("", status=304, headers=headers, content_type=TYPES[ending])
    if ending != "txt":
        headers["content-disposition"] = f'attachment; filename="{cited.key}.{ending}"'
    return Response(text, headers=headers, content_type=TYPES[ending])


def write_all(cited: Citation, lang: str) -> dict[str, str]:
    """Each form by its file's ending."""
    return {ending: write(cited, ending, lang).strip() for ending in TYPES}


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """For the reading page's card: of the state that stands now."""
    if template != READING_PAGE:
        return None

    async def read() -> dict[str, Any]:
        rows = await runner(datasette)("select revision from releases where id = :id", {"id": request.url_vars["pks"]})
        lang = language_of(request)
        cited = await cite(datasette, request, rows[0]["revision"], lang) if rows else None
        return {"cited": cited, "forms": write_all(cited, lang)} if cited else {}

    return read


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """One address a form; eighteen digits are the most that SQLite can hold."""
    return [(rf"/-/cite/(?P<revision>[0-9]{{1,18}})(?:\.(?P<format>{ENDINGS}))?$", show_cite)]
