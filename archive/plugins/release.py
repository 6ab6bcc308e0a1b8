"""Reads what the reading page (/archive/releases/<id>, row-archive-releases.html) shows beside the row itself."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from datasette import hookimpl

from archive.history import Absence, State, fold_history, read_history
from archive.history.standing import find_standing
from archive.joint.publishers import others
from archive.pages.neighbours import find_neighbours
from archive.takedowns.register import find_in_force
from archive.web import runner

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


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """Only for the reading page; the row itself is there already, as rows[0]."""
    if template != TEMPLATE:
        return None

    async def read() -> dict[str, Any]:
        db, key = datasette.get_database("archive"), request.url_vars["pks"]
        found = {name: list(await db.execute(sql, [key])) for name, sql in PARTS.items()}
        about = (
            "select r.id, r.url, r.body_html, a.* from releases r join agencies a on a.slug = r.agency where r.id = ?"
        )
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

    return read
