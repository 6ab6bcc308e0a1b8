"""One revision of a release as it stood (/-/revision/<id>): the permalink that citations give."""

from __future__ import annotations

import re
from typing import Any

from datasette import Response, hookimpl

from archive.citation import read_cited, to_citation
from archive.citation.formats import TYPES, write
from archive.history import find_end
from archive.history.states import read_held
from archive.takedowns.register import find_in_force
from archive.web import absolute, language_of, refuse, runner

QUESTION_ID = re.compile(r'\bid="question-(\d+)"')


async def show_revision(request: Any, datasette: Any) -> Any:
    """The state, and above it whether it is the newest; search engines are told to keep to the release's own page."""
    revision, run, lang = int(request.url_vars["revision"]), runner(datasette), language_of(request)
    held, row = (await read_held(run, [revision])).get(revision), await read_cited(run, revision)
    if held is None or row is None:
        return await refuse(datasette, request, None, 404, "revision_missing", revision=str(revision))
    cited = to_citation(row, absolute(datasette, request, f"/-/revision/{revision}"), lang)
    end = await find_end(run, held.release)
    newest = (await run("select revision from releases where id = :id", {"id": end}))[0]["revision"]
    state = held.state
    standing = {int(number) for number in QUESTION_ID.findall(state["body_html"])}
    context = {
        "revision": held,
        "state": state,
        "end": end,
        "newest": newest,
        "apart": [question for question in state["questions"] or () if question["position"] not in standing],
        "cited": cited,
        "takedowns": await find_in_force(run, held.release),
        "forms": {ending: write(cited, ending, lang).strip() for ending in TYPES},
    }
    page = await datasette.render_template("revision.html", context, request=request)
    return Response.html(page, headers={"x-robots-tag": "noindex"})


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Short, for it is printed in lists of references."""
    return [(r"/-/revision/(?P<revision>[0-9]{1,18})$", show_revision)]
