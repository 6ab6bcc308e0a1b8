"""What differs between two states of a release (/-/diff/<revision>/<revision>, with .json, .csv and .atom)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from datasette import Response, hookimpl

from archive.changes import Change, compare
from archive.changes.words import summarise
from archive.history import Edited, find_edits_of, find_end, find_look, read_looks, stamp_of
from archive.history.formats import ENDING, Entry, Listing, add_query, deliver, tag_uri, to_moment
from archive.history.states import ComparisonError, Held, read_pair
from archive.history.versions import Field, Row, find_differences
from archive.language import say, say_time, say_weight
from archive.search import Run
from archive.web import absolute, in_language, language_of, pick, refuse, runner

DIFF_CSV_COLUMNS = ("field", "place", "label", "op", "text")


class Told(NamedTuple):
    """A comparison: the older state, the later, what differs, and what the archive says of it."""

    before: Held
    after: Held
    fields: Sequence[Field]
    facts: Mapping[str, Any]


async def show_diff(request: Any, datasette: Any) -> Any:
    """The older state first, whatever order they are asked for in; a refusal says why there is no comparison."""
    one, other, kind = (request.url_vars[name] for name in ("one", "other", "format"))
    run = runner(datasette)
    try:
        before, after = await read_pair(run, int(one), int(other))
    except ComparisonError as error:
        return await refuse(datasette, request, kind, 404, error.why, **error.values)
    path = f"/-/diff/{before.id}/{after.id}"
    if (one, other) != (str(before.id), str(after.id)):
        ending = f".{kind}" if kind else ""
        asked = {name: request.args.get(name) for name in ("show", "lang")}
        return Response.redirect(datasette.urls.path(add_query(path + ending, **asked)), status=301)
    whole = request.args.get("show") == "all"
    # long texts are compared beside the event loop
    fields = await asyncio.to_thread(find_differences, before.state, after.state, whole=whole)
    facts = await read_facts(run, before, after)
    if kind:
        listing = to_listing(datasette, request, Told(before=before, after=after, fields=fields, facts=facts))
        return await deliver(datasette, request, kind, listing, language_of(request))
    context = {
        "before": before,
        "after": after,
        "fields": fields,
        "whole": whole,
        "path": path,
        "permalink": absolute(datasette, request, path),
        "end": await find_end(run, after.release),
        "say_change": partial(say_change, language_of(request)),
        **facts,
    }
    return Response.html(await datasette.render_template("diff.html", context, request=request))


async def read_facts(run: Run, before: Held, after: Held) -> dict[str, Any]:
    """What the archive says of the change: as it was noted for an edit, computed for any other two states."""
    follows = after.facts["previous"] == before.id
    if follows and after.facts["changes"] is not None:
        changes = [Change(**change) for change in json.loads(after.facts["changes"])]
        told = {name: after.facts[name] for name in ("weight", "summary", "summary_en")}
    else:
        comparison = await asyncio.to_thread(compare, before.state, after.state)
        changes = list(comparison.changes)
        told = {
            "weight": comparison.weight,
            "summary": summarise(changes, "sv"),
            "summary_en": summarise(changes, "en"),
        }
    looks = await read_looks(run, [after.id]) if follows else {}
    earlier, later = find_adjacent_pairs(await find_edits_of(run, await find_end(run, after.release)), before, after)
    is_edit = follows and after.facts["cause"] == "source"
    return {
        **told,
        "changes": sorted(changes, key=lambda change: -change.weight),
        "follows": follows,
        "cause": after.facts["cause"] if follows else None,
        "stamp": stamp_of(after.facts["dated"], after.state["updated"]) if is_edit else None,
        "looked": find_look(before.id, looks) if follows else None,
        "earlier": earlier,
        "later": later,
    }


def find_adjacent_pairs(edits: Sequence[Edited], before: Held, after: Held) -> tuple[Edited | None, Edited | None]:
    """The agency's edit that led up to the older state, and the first after the later one."""
    earlier = next((edit for edit in reversed(edits) if edit[:2] <= (before.seen, before.id)), None)
    later = next((edit for edit in edits if edit[:2] > (after.seen, after.id)), None)
    return earlier, later


def to_listing(datasette: Any, request: Any, told: Told) -> Listing:
    """The comparison as data: a row for each piece of text, a feed of one entry."""
    lang, kind, facts = language_of(request), request.url_vars["format"], told.facts
    asked = {name: request.args.get(name) for name in ("show", "lang")}
    path = f"/-/diff/{told.before.id}/{told.after.id}"
    page = absolute(datasette, request, in_language(request, path))
    release = absolute(datasette, request, in_language(request, f"/archive/releases/{told.after.release}"))

    async def entries() -> Sequence[Entry]:
        return [diff_feed_entry(told, page, release, lang)]

    return Listing(
        name="pieces",
        title=say(lang, "diff_title", title=told.after.state["title"]),
        page=page,
        self=absolute(datasette, request, add_query(f"{path}.{kind}", **asked)),
        rows=to_rows(told.fields),
        columns=DIFF_CSV_COLUMNS,
        entries=entries,
        head={
            "before": {"revision": told.before.id, "seen": told.before.seen},
            "after": {"revision": told.after.id, "seen": told.after.seen},
            "release": told.after.release,
            **{name: facts[name] for name in ("weight", "summary", "summary_en")},
            "unannounced": facts["stamp"] == "not moved",
            "stamp": facts["stamp"],
            "changes": [asdict(change) for change in facts["changes"]],
        },
    )


def diff_feed_entry(told: Told, page: str, release: str, lang: str) -> Entry:
    """The comparison as an entry of a feed."""
    before, after, facts = told.before, told.after, told.facts
    agency = pick(lang, after.facts["name"], after.facts["name_en"]) or after.facts["agency"]
    summary = pick(lang, facts["summary"], facts["summary_en"]) or say(lang, "edited")
    return Entry(
        id=tag_uri(page, "2024", f"revisions-{before.id}-{after.id}"),
        title=f"{agency}: {after.state['title']}",
        language=after.state["language"],
        seen=to_moment(after.seen),
        updated=to_moment(after.seen),
        link=page,
        release=release,
        author=agency,
        summary=f"{summary} · {say_weight(lang, facts['weight'])}",
        fields=told.fields,
        words=say(lang, "two_versions", one=say_time(lang, before.seen), other=say_time(lang, after.seen)),
    )


def say_change(lang: str, change: Change) -> str:
    """One change's kind and what happened to it."""
    return summarise([change], lang).removeprefix("1 ")


def to_rows(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Every piece of every row; what is left out between them is told as its number of rows (op skip)."""
    rows: list[dict[str, Any]] = []
    for field in fields:
        if field.note:
            rows.append({"field": field.name, "place": 0, "label": None, "op": "note", "text": field.note})
        for place, row in enumerate(field.rows, 1):
            facts = {"field": field.name, "place": place}
            if isinstance(row, Row):
                label = f"{row.label} {row.number}" if row.number else row.label
                rows += [{**facts, "label": label, "op": piece.op, "text": piece.text} for piece in row.pieces]
            else:
                rows.append({**facts, "label": None, "op": "skip", "text": str(row.count)})
    return rows


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """The permalink of a change; its order is normalised."""
    return [(r"/-/diff/(?P<one>\d{1,15})/(?P<other>\d{1,15})" + ENDING, show_diff)]
