"""Reading page, revision, timeline, diff, citation.

Citations (/-/cite/<revision>, with .txt, .bib, .ris and .csl.json) and the card on the reading page.

What differs between two states of a release (/-/diff/<revision>/<revision>, with .json, .csv and .atom).

A release's timeline as data (/-/history/<release>.json, .csv, .atom); the page itself is the release's own.

Reads what the reading page (/archive/releases/<id>, row-archive-releases.html) shows beside the row itself.

One revision of a release as it stood (/-/revision/<id>): the permalink that citations give.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from datasette import Response, hookimpl
from datasette.utils import add_cors_headers

from archive.citations import TYPES, Citation, read_cited, to_citation, write
from archive.database import Run
from archive.diff import compare
from archive.diff.kinds import Change, summarise
from archive.duplicates import others
from archive.history import (
    Absence,
    ComparisonError,
    Edited,
    Held,
    State,
    find_edits_of,
    find_end,
    find_look,
    find_standing,
    fold_history,
    read_held,
    read_history,
    read_looks,
    read_pair,
    stamp_of,
)
from archive.history.comparison import Field, Row, find_differences
from archive.history.lists import find_in_force
from archive.i18n import say, say_absence, say_time, say_weight
from archive.web.pages import find_neighbours
from archive.web.responses import (
    ENDING,
    Entry,
    Listing,
    absolute,
    add_query,
    addresses,
    deliver,
    has_it,
    in_language,
    language_of,
    pick,
    refuse,
    runner,
    tag_uri,
    to_moment,
)

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


async def cite_template_vars(request: Any, datasette: Any) -> dict[str, Any]:
    """For the reading page's card: of the state that stands now."""
    rows = await runner(datasette)("select revision from releases where id = :id", {"id": request.url_vars["pks"]})
    lang = language_of(request)
    cited = await cite(datasette, request, rows[0]["revision"], lang) if rows else None
    return {"cited": cited, "forms": write_all(cited, lang)} if cited else {}


def cite_routes() -> list[tuple[str, Any]]:
    """One address a form; eighteen digits are the most that SQLite can hold."""
    return [(rf"/-/cite/(?P<revision>[0-9]{{1,18}})(?:\.(?P<format>{ENDINGS}))?$", show_cite)]


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


def diff_routes() -> list[tuple[str, Any]]:
    """The permalink of a change; its order is normalised."""
    return [(r"/-/diff/(?P<one>\d{1,15})/(?P<other>\d{1,15})" + ENDING, show_diff)]


HISTORY_CSV_COLUMNS = (
    *("event", "when", "last_seen_before", "until", "checks", "revision", "previous", "same_as", "weight"),
    *(
        "unannounced",
        "stamp",
        "summary",
        "summary_en",
        "url",
        "status",
        "target",
        "moved_to",
        "confirmed",
        "ended",
        "diff",
        "evidence",
    ),
)
RELEASE = """
    select r.title, r.language, r.agency, a.name, a.name_en from releases r join agencies a on a.slug = r.agency
    where r.id = :release
"""


async def show_history(request: Any, datasette: Any) -> Any:
    """Every event of the timeline, newest first."""
    release, kind, run = int(request.url_vars["release"]), request.url_vars["format"], runner(datasette)
    found = await run(RELEASE, {"release": release})
    if not found:
        return await refuse(datasette, request, kind, 404, "no_such_release", release=str(release))
    page = in_language(request, f"/archive/releases/{release}")
    if not kind:
        return Response.redirect(datasette.urls.path(page) + "#history")
    lang, about = language_of(request), dict(found[0])
    events = await read_history(run, release)
    rows = [to_row(event, address_of(datasette, request, event)) for event in events]
    whole = absolute(datasette, request, page)

    async def entries() -> Sequence[Entry]:
        return [history_feed_entry(event, row, about, whole, lang) for event, row in zip(events, rows, strict=True)]

    listing = Listing(
        name="events",
        title=say(lang, "history_of", title=about["title"]),
        page=f"{whole}#history",
        self=absolute(datasette, request, in_language(request, f"/-/history/{release}.{kind}")),
        rows=rows,
        columns=HISTORY_CSV_COLUMNS,
        entries=entries,
        head={"release": release, "agency": about["agency"], "title_now": about["title"]},
    )
    return await deliver(datasette, request, kind, listing, lang)


def address_of(datasette: Any, request: Any, event: State | Absence) -> dict[str, str | None]:
    """Where an event is shown and what it rests on."""
    if isinstance(event, Absence):
        evidence = f"/-/evidence/removal-{event.id}.zip" if event.capture is not None else None
        return addresses(datasette, request, diff=None, evidence=evidence)
    diff = f"/-/diff/{event.previous}/{event.id}" if event.previous is not None else None
    return addresses(
        datasette,
        request,
        diff=diff and in_language(request, diff),
        evidence=f"/-/evidence/{event.id}.zip",
    )


def to_row(event: State | Absence, where: dict[str, str | None]) -> dict[str, Any]:
    """An event as JSON and CSV tell it."""
    own = {name: getattr(event, name, None) for name in HISTORY_CSV_COLUMNS}
    revision = event.id if isinstance(event, State) else None
    return own | {"event": event.kind, "revision": revision} | where


def history_feed_entry(
    event: State | Absence, row: dict[str, Any], about: dict[str, Any], page: str, lang: str
) -> Entry:
    """An event as an entry of a feed."""
    if isinstance(event, Absence):
        told, name = say_away(lang, event), f"removal-{event.id}"
        updated = event.ended or event.confirmed or event.when
    else:
        told, name, updated = say_state(lang, event), f"revision-{event.id}", event.when
    return Entry(
        id=tag_uri(page, "2024", name),
        title=f"{say_time(lang, event.when)}: {told}",
        language=about["language"],
        seen=to_moment(event.when),
        updated=to_moment(updated),
        link=row["diff"] or page,
        release=page,
        author=pick(lang, about["name"], about["name_en"]) or about["agency"],
        summary=told,
        terms=[event.kind],
    )


def say_away(lang: str, away: Absence) -> str:
    """What was seen in the release's place, in a line."""
    told = say_absence(lang, away.kind, away.status, away.target)
    if away.kind == "moved":
        return told
    sure = "away_confirmed" if away.confirmed else "away_passed" if away.ended else "away_doubt"
    return f"{say(lang, sure)}. {told}"


def say_state(lang: str, state: State) -> str:
    """What made a state, in a line."""
    if state.kind != "edit":
        return say(lang, f"event_{state.kind}")
    told = [pick(lang, state.summary, state.summary_en) or say(lang, "edited"), say_weight(lang, state.weight)]
    return " · ".join([*told, *([say(lang, "unannounced")] if state.unannounced else [])])


def history_routes() -> list[tuple[str, Any]]:
    """Beside the reading page, which shows the same."""
    return [(r"/-/history/(?P<release>\d{1,15})" + ENDING, show_history)]


TEMPLATE = "row-archive-releases.html"
QUESTION_ID = re.compile(r'\bid="question-(\d+)"')
PARTS = {
    "tags": "select id, name from release_tags join tags on id = tag where release = ? order by release_tags.rowid",
    "questions": "select position, question, answer, answered_by from questions where release = ? order by position",
    "images": "select url, caption, credit, alt from images where release = ? order by position",
    "attachments": "select url, title, media_type from attachments where release = ? order by position",
    "contacts": "select name, role, phone, email from contacts where release = ? order by position",
    "revisions": "select id from revisions where release = ?",
}


def find_apart(questions: list[Any], body_html: str) -> list[Any]:
    """The questions that do not stand in the body, to be printed after it."""
    standing = {int(number) for number in QUESTION_ID.findall(body_html)}
    return [question for question in questions if question["position"] not in standing]


def find_answerers(questions: list[Any]) -> list[str]:
    """Who answers, each once, in the order they first speak."""
    return list(dict.fromkeys(question["answered_by"] for question in questions if question["answered_by"]))


def split_paragraphs(text: str | None) -> list[str]:
    """A plain text's paragraphs: blank lines part them."""
    return [part.strip() for part in re.split(r"\n\s*\n", text or "") if part.strip()]


async def read_witness(datasette: Any, release: int, url: str) -> dict[str, Any]:
    """The release's history, when it was last looked at, where it stands since, and what stands beside it."""
    run = runner(datasette)
    events = await read_history(run, release)
    newest, older = fold_history(events)
    stands = next(event for event in events if isinstance(event, State) and event.release == release and event.stands)
    return {
        "events": newest,
        "older": older,
        "edited": sum(isinstance(event, State) and event.kind == "edit" for event in events),
        "first": min((event for event in events if isinstance(event, State)), key=lambda event: (event.when, event.id)),
        "looked": stands.looked,
        "taken_over": stands.kind == "import" and not stands.checks,  # and never looked at by the archive itself
        "moved_here": next(
            (e for e in events if isinstance(e, Absence) and e.kind == "moved" and e.target == url), None
        ),
        "standing": await find_standing(run, release, stands.looked or stands.when),
        "neighbours": await find_neighbours(run, release),
        "takedowns": await find_in_force(run, release),
    }


async def release_template_vars(request: Any, datasette: Any) -> dict[str, Any]:
    """Only for the reading page; the row itself is there already, as rows[0]."""
    db, key = datasette.get_database("archive"), request.url_vars["pks"]
    found = {name: list(await db.execute(sql, [key])) for name, sql in PARTS.items()}
    about = "select r.id, r.url, r.body_html, a.* from releases r join agencies a on a.slug = r.agency where r.id = ?"
    agency = (await db.execute(about, [key])).first()
    return {
        **found,
        "agency": agency,
        "publishers": await db.execute_fn(partial(others, release=agency["id"])),
        "apart": find_apart(found["questions"], agency["body_html"]),
        "answerers": find_answerers(found["questions"]),
        "paragraphs": split_paragraphs,
        **await read_witness(datasette, agency["id"], agency["url"]),
    }


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


def revision_routes() -> list[tuple[str, Any]]:
    """Short, for it is printed in lists of references."""
    return [(r"/-/revision/(?P<revision>[0-9]{1,18})$", show_revision)]


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """Return what the reading page shows beside the row, which is there already as rows[0]; None for other pages."""
    if template != TEMPLATE:
        return None

    async def read() -> dict[str, Any]:
        return {**await cite_template_vars(request, datasette), **await release_template_vars(request, datasette)}

    return read


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*cite_routes(), *diff_routes(), *history_routes(), *revision_routes()]
