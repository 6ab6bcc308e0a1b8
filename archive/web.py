"""What our plugins share: queries run, addresses made absolute, and refusals in our own style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasette import Response

from archive.language import choose_language
from archive.search import Run


def runner(datasette: Any) -> Run:
    """Runs a SELECT on the archive."""
    db = datasette.get_database("archive")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        return list(await db.execute(sql, values))

    return run


def language_of(request: Any) -> str:
    """The reader's language, as interface.py chooses it for pages."""
    return choose_language(request.args.get("lang"), request.headers.get("accept-language"))


def absolute(datasette: Any, request: Any, path: str) -> str:
    """A path of ours as a whole address."""
    return str(datasette.absolute_url(request, datasette.urls.path(path)))


def addresses(datasette: Any, request: Any, **paths: str | None) -> dict[str, str | None]:
    """Several paths of ours as whole addresses, by name; None stays None."""
    return {name: path and absolute(datasette, request, path) for name, path in paths.items()}


def pick(lang: str, sv: str | None, en: str | None) -> str | None:
    """The English where an English reader can have it, else the Swedish."""
    return en if lang == "en" and en else sv


async def refuse(datasette: Any, request: Any, kind: str | None, status: int, why: str, **values: object) -> Any:
    """Says why there is no answer: `why` is a key of our texts; in a format as JSON, in English."""
    if kind:
        told = {"ok": False, "status": status, "error": why.replace("_", " "), **values}
        return Response.json(told, status=status)
    context = {"why": why, "values": values, "status": status}
    page = await datasette.render_template("refusal.html", context, request=request)
    return Response.html(page, status=status)
