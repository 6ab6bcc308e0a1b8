"""A release's timeline as data (/-/history/<release>.json, .csv, .atom); the page itself is the release's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasette import Response, hookimpl

from archive.history import Absence, State, read_history
from archive.history.formats import ENDING, Entry, Listing, deliver, tag_uri, to_moment
from archive.language import say, say_absence, say_time, say_weight
from archive.web import absolute, addresses, in_language, language_of, pick, refuse, runner

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


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Beside the reading page, which shows the same."""
    return [(r"/-/history/(?P<release>\d{1,15})" + ENDING, show_history)]
