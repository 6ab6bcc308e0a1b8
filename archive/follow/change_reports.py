"""Formats reports to subscribers as email text and as JSON.

Texts are read from the archive when a message is sent, so content that a takedown has hidden or
redacted in the meantime is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode

from archive.changes.diff import DiffSegment
from archive.changes.field_differences import FieldDiff, SkippedRows, diff_fields
from archive.changes.history import (
    classify_update_stamp,
    find_last_seen,
    read_preceding_revisions,
    read_stored_revisions,
)
from archive.changes.new_releases import MAX_OPENING_LENGTH, summarise_feed_entry
from archive.database.sqlite_files import RunQuery
from archive.i18n import (
    describe_edit_time,
    describe_removal,
    format_field_value,
    format_importance,
    format_stated_time,
    format_time,
    translate,
    translate_code,
)

EVENT_KINDS = ("new", "edited", "removed", "returned")  # in the order of a message
MAX_EVENTS = 50  # in a message; more are only counted
MAX_DIFF_CHARACTERS = 200_000  # of both versions; longer ones only get a link to the comparison
MAX_DIFF_LINES = 20  # of a release
MAX_LINE_LENGTH = 300  # characters of a line of a difference
MAX_CONTEXT = 80  # characters before the first change of a long line
MAX_SUBJECT_LENGTH = 70  # characters of what is followed in a subject
SIGNS = {"ins": "+", "del": "−", "same": " "}

HIDDEN_SQL = "r.takedown is not 'hidden'"
VERSIONS_SQL = f"""
    select v.id, v.release, v.previous, v.seen, v.title, v.lead, substr(v.body,
      1, {MAX_OPENING_LENGTH}) as opening,
      length(v.body) as length, v.kind, v.language, v.published, v.updated,
        v.update_date_changed, v.importance,
      v.summary, v.summary_en, r.url, r.agency, a.name, a.name_en
    from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
    where v.id in (select value from json_each(:ids)) and {HIDDEN_SQL}
"""
RELEASES_SQL = f"""
    select r.id, r.title, r.language, r.published, r.url, r.agency,
      a.name, a.name_en, o.kind as removal, o.status,
      o.target, o.confirmed, o.ended
    from releases r join agencies a on a.slug = r.agency left join removals o on o.id = (
      select id from removals where release = r.id and confirmed is not null and kind <> 'moved'
      order by id desc limit 1)
    where r.id in (select value from json_each(:ids)) and {HIDDEN_SQL}
"""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff: the field, the operation (ins, del or same) and the text."""

    field: str
    op: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """An event as a message shows it, in the language of the subscriber.

    url: the URL of the page of the release, or of the page that compares two versions.
    """

    kind: str
    release: int
    revision: int | None
    agency: str
    agency_name: str
    title: str
    published: str | None
    original: str  # URL at the agency
    url: str
    facts: str  # when it happened, and how important it is
    text: str = ""
    difference: Sequence[DiffLine] = field(default=())
    is_difference_complete: bool = True


def build_url(public_url: str, path: str, language: str, **query: object) -> str:
    """Return the URL of a page of the site, with `lang` added unless the language is Swedish.

    >>> build_url("https://a.se", "/archive/releases/1", "en")
    'https://a.se/archive/releases/1?lang=en'
    """
    query |= {"lang": language} if language != "sv" else {}
    separator = "&" if "?" in path else "?"
    return f"{public_url}{path}{separator + urlencode(query) if query else ''}"


async def read_events(
    run: RunQuery, events: Sequence[tuple[str, int, int | None]], language: str, public_url: str
) -> list[ReportedEvent]:
    """Read the details of events from the archive.

    Events of releases that are hidden or no longer exist are left out.

    events: the type, release and version of each event.
    """
    versions = await _read_rows_by_id(run, VERSIONS_SQL, [each[2] for each in events])
    releases = await _read_rows_by_id(run, RELEASES_SQL, [each[1] for each in events])
    preceding = await read_preceding_revisions(
        run, [key for key, row in versions.items() if row["previous"]]
    )
    reported = []
    for kind, release, revision in events:
        row = versions.get(revision) if revision else releases.get(release)
        if row is None or release not in releases:
            continue
        path = f"/archive/releases/{release}"
        details: dict[str, Any] = {}
        if kind == "new":
            details = {"text": summarise_feed_entry(row), "facts": _describe_new(row, language)}
        elif kind == "edited":
            path = f"/-/diff/{row['previous']}/{row['id']}"
            last_seen = find_last_seen(row["previous"], preceding)
            details = {
                "facts": _describe_edit(row, last_seen, language),
                **await _read_difference(run, row, language),
            }
        else:
            details = {"facts": _describe_absence(kind, row, language)}
        reported.append(
            ReportedEvent(
                kind=kind,
                release=release,
                revision=revision,
                agency=row["agency"],
                agency_name=_choose_language(row, "name", language),
                title=row["title"],
                published=row["published"],
                original=row["url"],
                url=build_url(public_url, path, language),
                **details,
            )
        )
    return sorted(reported, key=lambda each: EVENT_KINDS.index(each.kind))


async def _read_rows_by_id(run: RunQuery, sql: str, ids: Sequence[int | None]) -> dict[int, Any]:
    return {row["id"]: row for row in await run(sql, {"ids": json.dumps(ids)})}


def _choose_language(row: Mapping[str, Any], column: str, language: str) -> Any:
    """Return the English value of a column if `language` is "en" and the value is not empty.
    Otherwise, return the Swedish value.
    """
    return (row[f"{column}_en"] if language == "en" else None) or row[column]


def _describe_new(row: Mapping[str, Any], language: str) -> str:
    kind = translate_code(language, "release_kind", row["kind"]) if row["kind"] else ""
    published = format_stated_time(language, row["published"])
    return " · ".join(
        filter(None, [kind, published and translate(language, "follow.published", when=published)])
    )


def _describe_edit(row: Mapping[str, Any], last_seen: str | None, language: str) -> str:
    is_unannounced = (
        classify_update_stamp(row["update_date_changed"], row["updated"]) == "not moved"
    )
    importance = format_importance(language, row["importance"])
    parts = [
        _choose_language(row, "summary", language) or "",
        describe_edit_time(language, last_seen, row["seen"]),
        translate(language, "edit.importance_level", level=importance, n=row["importance"])
        if importance
        else "",
        translate(language, "edit.unannounced") if is_unannounced else "",
    ]
    return " · ".join(part.rstrip(".") for part in parts if part)


def _describe_absence(kind: str, row: Mapping[str, Any], language: str) -> str:
    if kind == "returned":
        return (
            translate(language, "history.back", when=format_time(language, row["ended"]))
            if row["ended"]
            else ""
        )
    if row["confirmed"] is None:
        return ""
    found = describe_removal(language, row["removal"], row["status"], row["target"])
    when = format_time(language, row["confirmed"])
    return f"{found} {translate(language, 'history.confirmed', when=when)}"


async def _read_difference(run: RunQuery, row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return a map with the first MAX_DIFF_LINES lines of an edit's diff (`difference`), and
    whether these are all its lines (`is_difference_complete`).

    `difference` is left out if a version is missing, or if the versions are too long.
    """
    states = await read_stored_revisions(run, [row["id"], row["previous"]])
    sides = [states[key]["state"] for key in (row["previous"], row["id"]) if key in states]
    if len(sides) < 2 or sum(len(state["body_html"]) for state in sides) > MAX_DIFF_CHARACTERS:
        return {"is_difference_complete": False}
    lines = [line for each in diff_fields(*sides) for line in _iter_diff_lines(each, language)]
    return {
        "difference": lines[:MAX_DIFF_LINES],
        "is_difference_complete": len(lines) <= MAX_DIFF_LINES,
    }


def _iter_diff_lines(field_diff: FieldDiff, language: str) -> Iterator[DiffLine]:
    """Yield the changed lines of a field and, if the field has a note, a line with the note.

    For each changed line, the old text is yielded first, and then the new text. A text that does
    not exist is left out. Nothing is yielded for a field whose changes are already shown in the
    diff of the body.
    """
    if field_diff.shown_in_body:
        return
    for row in field_diff.rows:
        if isinstance(row, SkippedRows) or row.op == "same":
            continue
        for op in ("del", "ins"):
            pieces = [piece for piece in row.pieces if piece.op in ("same", op)]
            if any(piece.op == op for piece in pieces):
                yield DiffLine(
                    field_diff.name, op, _excerpt_pieces(field_diff.name, pieces, language)
                )
    if field_diff.note:
        yield DiffLine(field_diff.name, "same", translate(language, f"diff.note.{field_diff.note}"))


def _excerpt_pieces(field_name: str, pieces: Sequence[DiffSegment], language: str) -> str:
    """Return the text of a line of a diff.

    A long line is shortened to an excerpt that begins just before the first change.

    >>> words = DiffSegment("same", "ord " * 100)
    >>> long = [words, DiffSegment("ins", "nytt "), words]
    >>> text = _excerpt_pieces("body", long, "sv")
    >>> text[:5], "nytt" in text, text[-5:], len(text) <= MAX_LINE_LENGTH + 4
    ('… ord', True, 'ord …', True)
    """
    text = " ".join(
        "".join(format_field_value(language, field_name, piece.text) for piece in pieces).split()
    )
    if len(text) <= MAX_LINE_LENGTH:
        return text
    before = "".join(
        piece.text
        for piece in pieces[: next(n for n, each in enumerate(pieces) if each.op != "same")]
    )
    start = max(0, len(" ".join(before.split())) - MAX_CONTEXT)
    start = text.find(" ", start) + 1 if start else 0
    end = start + MAX_LINE_LENGTH
    cut = text[start:end] if end >= len(text) else text[start:end].rpartition(" ")[0] + " …"
    return f"… {cut}" if start else cut


# Mail


def format_subject(events: Sequence[ReportedEvent], more: int, followed: str, language: str) -> str:
    """Return the subject line of a report: the number of events of each type, and what is followed.

    more: the number of events that the report leaves out.
    """
    if more:
        counts = translate(language, "follow.count.all", n=len(events) + more)
    else:
        counts = ", ".join(
            translate(language, f"follow.count.{kind}", n=n)
            for kind in EVENT_KINDS
            if (n := sum(event.kind == kind for event in events))
        )
    short = followed if len(followed) <= MAX_SUBJECT_LENGTH else f"{followed[:MAX_SUBJECT_LENGTH]}…"
    return f"{counts}: {short}"


def format_report(
    events: Sequence[ReportedEvent], more: int, followed: str, page_url: str, language: str
) -> str:
    """Return a report as plain text, without the link to the subscription. That link is added when
    the report is sent.

    more: the number of events that the report leaves out.
    """
    lines = [translate(language, "follow.intro", what=followed)]
    for kind in EVENT_KINDS:
        group = [event for event in events if event.kind == kind]
        if group:
            lines += ["", translate(language, f"follow.heading.{kind}").upper()]
        for event in group:
            lines += [
                "",
                f"{event.agency_name}: {event.title}",
                *([event.facts] if event.facts else []),
            ]
            lines += [event.text] if event.text else []
            lines += _format_difference(event, language)
            lines.append(event.url)
    if more:
        lines += ["", translate(language, "follow.more", n=more), page_url]
    return "\n".join(lines)


def _format_difference(event: ReportedEvent, language: str) -> Iterator[str]:
    """Yield the lines of an event's diff. The name of each field precedes the field's lines."""
    current = ""
    for line in event.difference:
        if line.field != current:
            current = line.field
            yield f"  {translate_code(language, 'field', current)}:"
        yield f"  {SIGNS[line.op]} {line.text}"
    if not event.is_difference_complete:
        yield f"  {translate(language, 'follow.difference_cut')}"


# Webhooks


# what chat programs read as a mention or a link: @here of Mattermost, [text](address) and [text]:
# address of Markdown
CHAT_SYNTAX = re.compile(r"(?<![A-Za-z0-9])@(?=\w)|\](?=[(\[:])")


def _escape_chat_text(text: str) -> str:
    """Escape a text so that Slack, Mattermost and Teams show it unchanged.

    Part of the text may have been written by a stranger.

    >>> _escape_chat_text("<!channel> & @here a@b.se [x](http://a.se)").replace("\u200b", "~")
    '&lt;!channel&gt; &amp; @~here a@b.se [x]~(http://a.se)'
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return CHAT_SYNTAX.sub("\\g<0>\N{ZERO WIDTH SPACE}", escaped)


def format_payload(
    kind: str, sent_at: str, text: str, *, events: Sequence[ReportedEvent] = (), **members: object
) -> dict[str, Any]:
    """Return a webhook's message as JSON-serialisable data.

    Its keys are type, timestamp, text and data.

    text: the text that Slack and Mattermost show.
    """
    rows = [
        {**asdict(event), "difference": [asdict(line) for line in event.difference]}
        for event in events
    ]
    data = {**members, "events": rows}
    shown = _escape_chat_text(text)
    # our own; no < or > is in them
    for url in (str(members.get(name, "")) for name in ("page", "subscription")):
        shown = shown.replace(url.replace("&", "&amp;"), url)
    return {"type": f"subscription.{kind}", "timestamp": sent_at, "text": shown, "data": data}
