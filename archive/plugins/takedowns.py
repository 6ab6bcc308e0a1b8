"""The public log of takedowns (/-/takedowns, with .json, .csv and .atom): what the archive itself does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasette import Response, hookimpl

from archive.history.asked import FilterError
from archive.history.formats import ENDING, Entry, Listing, add_query, deliver, tag_uri, to_moment
from archive.language import say, say_time
from archive.takedowns.register import find_log, parse_log
from archive.web import absolute, in_language, language_of, pick, refuse, runner

TAKEDOWNS_PATH = "/-/takedowns"
TAKEDOWNS_CSV_COLUMNS = (
    "takedown",
    "release",
    "agency",
    "kind",
    "reason",
    "reason_en",
    "at",
    "lifted",
    "lifted_reason",
    "page",
)


async def show_takedowns(request: Any, datasette: Any) -> Any:
    """A page, or the same as data; a filter that cannot be read is refused by name."""
    kind, lang = request.url_vars["format"], language_of(request)
    try:
        query = parse_log(request.args)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    lines, more = await find_log(runner(datasette), query)
    if not kind:
        context = {"query": query, "lines": lines, "more": more}
        return Response.html(await datasette.render_template("takedowns.html", context, request=request))
    asked = {"lang": request.args.get("lang"), "size": request.args.get("size")}
    pages = [
        absolute(datasette, request, in_language(request, f"/archive/releases/{line['release']}")) for line in lines
    ]
    listing = Listing(
        name="takedowns",
        title=say(lang, "takedowns_title"),
        page=absolute(datasette, request, add_query(TAKEDOWNS_PATH, **asked)),
        self=absolute(datasette, request, add_query(f"{TAKEDOWNS_PATH}.{kind}", **asked, after=query.after)),
        next=absolute(datasette, request, add_query(f"{TAKEDOWNS_PATH}.{kind}", **asked, after=more)) if more else None,
        rows=[to_row(line, page) for line, page in zip(lines, pages, strict=True)],
        columns=TAKEDOWNS_CSV_COLUMNS,
        entries=lambda: to_entries(lines, pages, lang),
    )
    return await deliver(datasette, request, kind, listing, lang)


def to_row(line: Mapping[str, Any], page: str) -> dict[str, Any]:
    """A line as JSON and CSV tell it."""
    return {name: line[name] for name in TAKEDOWNS_CSV_COLUMNS[1:-1]} | {"takedown": line["id"], "page": page}


async def to_entries(lines: Sequence[Mapping[str, Any]], pages: Sequence[str], lang: str) -> Sequence[Entry]:
    """Lines as entries of a feed; one is told anew when it is lifted."""
    entries = []
    for line, page in zip(lines, pages, strict=True):
        told = [str(pick(lang, line["reason"], line["reason_en"]))]
        if line["lifted"]:
            why = line["lifted_reason"]
            told.append(say(lang, "takedown_lifted", when=say_time(lang, line["lifted"]), why=why))
        author = pick(lang, line["name"], line["name_en"]) or line["agency"]
        entry = Entry(
            id=tag_uri(page, "2024", f"takedown-{line['id']}"),
            title=f"{author}: {say(lang, 'takedown_' + line['kind'])}",
            language=None,
            seen=to_moment(line["at"]),
            updated=to_moment(line["lifted"] or line["at"]),
            link=page,
            release=page,
            author=author,
            summary=" · ".join(told),
            terms=[line["kind"]],
        )
        entries.append(entry)
    return entries


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(TAKEDOWNS_PATH + ENDING, show_takedowns)]
