"""A tag's page (/tag/<number>): the newest releases that have it, and who uses it. /tag/<words> leads there."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from datasette import NotFound, Response, hookimpl

from archive.history.asked import FilterError
from archive.history.formats import add_query
from archive.pages.lists import Wanted, find_listed, parse_after
from archive.pages.tags import count_uses, find_tag
from archive.web import refuse, runner


async def show_tag(request: Any, datasette: Any) -> Any:
    """The number is the permanent address; a tag's words are sent to it."""
    run, named = runner(datasette), unquote(request.url_vars["named"])
    tag = await find_tag(run, named)
    if tag is None:
        raise NotFound(f"no tag {named}")
    if named != str(tag["id"]):
        path = datasette.urls.path(f"/tag/{tag['id']}")
        return Response.redirect(add_query(path, lang=request.args.get("lang")))
    try:
        after = parse_after(request.args)
        listed = await find_listed(run, Wanted(tag=tag["id"], after=after))
    except FilterError as error:
        return await refuse(datasette, request, None, 400, error.why, **error.told)
    uses = await count_uses(run, tag["id"])
    context = {
        "tag": tag,
        "listed": listed,
        "after": after,
        "uses": uses,
        "count": sum(row["n"] for row in uses),
    }
    return Response.html(await datasette.render_template("tag.html", context, request=request))


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """A tag's words may hold anything, strokes among it."""
    return [(r"/tag/(?P<named>.+)$", show_tag)]
