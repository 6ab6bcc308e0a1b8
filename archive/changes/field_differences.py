"""Compares two states of a release field by field, and makes an excerpt of the main change for
lists.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from lxml import html

from archive.changes.comparison import Diff, compare
from archive.changes.diff import (
    DiffSegment,
    diff_paragraphs,
    diff_words,
    normalise_words,
    split_paragraphs,
)
from archive.changes.importance import KIND_IMPORTANCE, build_change, summarise_changes
from archive.database.models import STATE_FIELDS, strip_image_query
from archive.database.removals import MIN_CHECKS, MIN_SPAN
from archive.database.sqlite_files import RunQuery
from archive.i18n import format_field_value, translate

MAX_EXCERPT_LENGTH = 80  # characters before and after the change

CONTEXT_ROWS = 1  # unchanged paragraphs shown on each side of a changed one
TEXT_FIELDS = ("title", "lead", "body")
VALUE_FIELDS = ("kind", "published", "updated", "language")
LIST_FIELDS = ("questions", "tags", "images", "attachments", "contacts")
COMPARED_FIELDS = ("title", "lead", *VALUE_FIELDS, "body", *LIST_FIELDS, "links", "layout")
# field → function that returns the part by which a member of its list is identified
MEMBER_KEYS: dict[str, Callable[[Any], str]] = {
    "images": lambda image: strip_image_query(image["url"]),
    "attachments": lambda file: str(file["url"]),
    "contacts": lambda contact: (
        contact["name"] or contact["email"] or contact["phone"] or contact["role"]
    ),
}


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One paragraph or line in the comparison of a field."""

    pieces: list[DiffSegment]
    label: str | None = None  # role of the paragraph, if it is not plain text
    number: int | None = None  # number of the question, if it belongs to one

    @property
    def op(self) -> str:
        """Return the operation of the row: same, ins, del, or mixed if it has several."""
        ops = {piece.op for piece in self.pieces if piece.text.strip()}
        return ops.pop() if len(ops) == 1 else "mixed" if ops else "same"


@dataclass(frozen=True, slots=True)
class SkippedRows:
    """A run of unchanged rows that are not shown."""

    count: int


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """A field that differs between two states, or that is shown in full even if it does not
    differ.
    """

    name: str
    rows: list[DiffRow | SkippedRows]
    note: str | None = None  # a difference that the rows do not show: `reordered` or `layout_only`
    shown_in_body: bool = False  # the body already shows all changes of this field


class ChangeExcerpt(NamedTuple):
    """A change shortened for a list."""

    field: str
    before: str
    after: str
    common_suffix: str  # text that both sides end with


def diff_fields(
    before: Mapping[str, Any], after: Mapping[str, Any], *, full_text: bool = False
) -> list[FieldDiff]:
    """Return the fields in which two states, as returned by archive.database.models.parse_state,
    differ.

    A list that one of the states did not record is not compared.

    full_text: whether to return the title, lead and body in full, even if they are unchanged.
    """
    fields = []
    for name in COMPARED_FIELDS:
        if not full_text and name in before and before[name] == after[name]:
            continue
        rows, note = _diff_field(name, before, after)
        if full_text and name in TEXT_FIELDS and rows:
            fields.append(FieldDiff(name, [*rows], note))
        elif note or _has_changes(rows):
            in_body = name == "questions" and _is_shown_in_body(rows, before, after)
            fields.append(FieldDiff(name, _skip_unchanged_rows(rows), note, in_body))
    return fields


def _has_changes(rows: Sequence[DiffRow]) -> bool:
    return any(row.op != "same" for row in rows)


def _diff_field(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[list[DiffRow], str | None]:
    """Return all rows of a field, and a note on a difference that the rows do not show.

    The note is `reordered` or `layout_only`, or None if there is no such difference.
    """
    if name in ("links", "layout"):
        return _diff_markup(name, before, after)
    old, new = before[name], after[name]
    if name in TEXT_FIELDS:
        return [DiffRow(pieces) for pieces in diff_paragraphs(old or "", new or "")], None
    if name in VALUE_FIELDS:
        return [DiffRow(_diff_value(old, new))], None
    if old is None or new is None:
        return [], None
    if name == "questions":
        return _diff_questions(old, new), None
    rows = _diff_lists(old, new, MEMBER_KEYS.get(name, _format_member))
    return rows, "reordered" if _is_reordered(old, new) else None


def _is_reordered(old: Sequence[Any], new: Sequence[Any]) -> bool:
    lines, new_lines = list(map(_format_member, old)), list(map(_format_member, new))
    return lines != new_lines and sorted(lines) == sorted(new_lines)


def _diff_value(old: str | None, new: str | None) -> list[DiffSegment]:
    """Compare a short value as a whole."""
    if old == new:
        return [DiffSegment("same", new)] if new else []
    return [
        *([DiffSegment("del", old)] if old else []),
        *([DiffSegment("ins", new)] if new else []),
    ]


def _diff_lists(
    old: Sequence[Any], new: Sequence[Any], get_key: Callable[[Any], str]
) -> list[DiffRow]:
    """Compare two lists. `get_key` returns the string that identifies an item.

    Rows are in the new order, with removed items last.
    """
    old_lines: dict[str, list[str]] = {}
    for member in old:
        old_lines.setdefault(get_key(member), []).append(_format_member(member))
    rows = []
    for member in new:
        line, candidates = _format_member(member), old_lines.get(get_key(member))
        if not candidates:
            rows.append(DiffRow([DiffSegment("ins", line)]))
        else:
            old_line = candidates.pop(0)
            rows.append(
                DiffRow(
                    [DiffSegment("same", line)] if line == old_line else diff_words(old_line, line)
                )
            )
    return rows + [
        DiffRow([DiffSegment("del", line)]) for lines in old_lines.values() for line in lines
    ]


def _format_member(member: Any) -> str:
    """Format an item of a list as one line.

    >>> file = {"url": "https://a.se/r.pdf", "title": "Rapport", "media_type": None}
    >>> _format_member(file), _format_member("Skog")
    ('Rapport · https://a.se/r.pdf', 'Skog')
    """
    if isinstance(member, str):
        return member
    values = [
        str(value) for name, value in member.items() if value and name not in ("url", "position")
    ]
    return " · ".join([*values, *([strip_image_query(member["url"])] if member.get("url") else [])])


def _diff_questions(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> list[DiffRow]:
    """Compare two lists of questions with answers.

    Equal questions are matched first. The questions between them are then matched by position.
    """
    rows: list[DiffRow] = []
    matcher = SequenceMatcher(
        None, [pair["question"] for pair in old], [pair["question"] for pair in new], False
    )
    for _, first, last, new_first, new_last in matcher.get_opcodes():
        for offset in range(max(last - first, new_last - new_first)):
            left = old[first + offset] if first + offset < last else None
            right = new[new_first + offset] if new_first + offset < new_last else None
            rows += _diff_question(left, right)
    return rows


def _diff_question(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[DiffRow]:
    """Compare a question, its answer and its answerer.

    `old` or `new` is None if that version lacks the question.
    """
    left, right = old or {}, new or {}
    number = (new or old or {})["position"]
    rows = [
        DiffRow(
            diff_words(left.get("question", ""), right.get("question", "")),
            "question_number",
            number,
        )
    ]
    rows += [
        DiffRow(pieces)
        for pieces in diff_paragraphs(left.get("answer", ""), right.get("answer", ""))
    ]
    answered_by = DiffRow(
        _diff_value(left.get("answered_by"), right.get("answered_by")), "answered_by"
    )
    return [*rows, answered_by] if answered_by.op != "same" else rows


def _is_shown_in_body(
    rows: Sequence[DiffRow], before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Return whether each differing paragraph of a field is also in the body of its version."""
    for op, state in (("del", before), ("ins", after)):
        body_paragraphs = {
            normalise_words(paragraph) for paragraph in split_paragraphs(state["body"] or "")
        } | {()}
        texts = (
            "".join(p.text for p in row.pieces if p.op in ("same", op))
            for row in rows
            if row.op != "same"
        )
        if not body_paragraphs.issuperset(map(normalise_words, texts)):
            return False
    return True


def _diff_markup(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[list[DiffRow], str | None]:
    """Compare the links of body_html if `name` is `links`, or the layout if it is `layout`.

    For the layout, no rows are returned, and the note is `layout_only` if neither the text nor the
    links differ.
    """
    if before["body_html"] == after["body_html"]:
        return [], None
    old, new = _list_body_links(before["body_html"]), _list_body_links(after["body_html"])
    if name == "links":
        return _diff_lists(old, new, _format_member), None
    return [], "layout_only" if before["body"] == after["body"] and old == new else None


@lru_cache(maxsize=64)
def _list_body_links(body_html: str) -> tuple[str, ...]:
    """Return the distinct links of a sanitised body as "text → URL".

    The result is cached, because two fields use it.
    """
    if not body_html.strip():
        return ()
    links = html.fragment_fromstring(body_html, create_parent="div").iter("a")
    lines = (
        f"{' '.join(link.text_content().split())} → {link.get('href')}"
        for link in links
        if link.get("href")
    )
    return tuple(dict.fromkeys(lines))


def _skip_unchanged_rows(rows: Sequence[DiffRow]) -> list[DiffRow | SkippedRows]:
    """Replace runs of unchanged rows with SkippedRows.

    CONTEXT_ROWS rows before and after each changed row are kept.
    """
    changed = [index for index, row in enumerate(rows) if row.op != "same"]
    visible = {
        near for index in changed for near in range(index - CONTEXT_ROWS, index + CONTEXT_ROWS + 1)
    }
    result: list[DiffRow | SkippedRows] = []
    for index, row in enumerate(rows):
        last = result[-1] if result else None
        if index in visible:
            result.append(row)
        elif isinstance(last, SkippedRows):
            result[-1] = SkippedRows(last.count + 1)
        else:
            result.append(SkippedRows(1))
    return result


def find_main_change(language: str, changes_json: str | None) -> ChangeExcerpt | None:
    """Return the most important change in `revisions.changes`, or None if none can be shown.

    >>> figures = {"field": "body", "kind": "amount", "before": "45 mnkr", "after": "55 mnkr"}
    >>> figures["importance"] = 75
    >>> find_main_change("sv", json.dumps([figures]))
    ChangeExcerpt(field='body', before='45', after='55', common_suffix='mnkr')
    """
    # kinds of change whose texts before and after are the same
    changes = [
        change
        for change in json.loads(changes_json or "[]")
        if change["kind"] not in ("layout", "paragraph_moved")
    ]
    if not changes:
        return None
    change = max(changes, key=lambda each: each["importance"])
    field = change["field"]
    before, after = (
        format_field_value(language, field, change[side]) for side in ("before", "after")
    )
    # kinds of change whose unit is shown only once if it is unchanged
    if change["kind"] in ("amount", "number", "date", "time"):
        before, after, suffix = _split_common_suffix(before, after)
    else:
        suffix = ""
    return ChangeExcerpt(
        field, _truncate_text(before), _truncate_text(after), _truncate_text(suffix)
    )


def format_main_change(language: str, changes_json: str | None) -> str:
    """Format the most important change as plain text. Return "" if no change can be shown.

    >>> change = '"field": "body", "kind": "name", "before": "Ada", "after": "Bo", "importance": 65'
    >>> changes = f"[{{{change}}}]"
    >>> format_main_change("en", changes)
    'Ada → Bo'
    """
    excerpt = find_main_change(language, changes_json)
    if excerpt is None:
        return ""
    if excerpt.before and excerpt.after:
        return f"{excerpt.before} → {excerpt.after} {excerpt.common_suffix}".strip()
    return (
        f"{translate(language, 'diff.added' if excerpt.after else 'diff.deleted')}:"
        f" {excerpt.after or excerpt.before}"
    )


def _split_common_suffix(before: str, after: str) -> tuple[str, str, str]:
    """Split off the words that both texts end with.

    Each text keeps at least one word, and all figures.

    >>> dates, amounts = ("den 4 juni", "den 18 juni"), ("40 euro", "40 kronor")
    >>> _split_common_suffix(*dates), _split_common_suffix(*amounts)
    (('den 4', 'den 18', 'juni'), ('40 euro', '40 kronor', ''))
    >>> _split_common_suffix("120 000 kronor", "90 000 kronor")
    ('120 000', '90 000', 'kronor')
    """
    old, new = before.split(), after.split()
    suffix: list[str] = []
    while len(old) > 1 and len(new) > 1 and old[-1] == new[-1] and not old[-1].isdigit():
        suffix.insert(0, old.pop())
        new.pop()
    return " ".join(old), " ".join(new), " ".join(suffix)


def _truncate_text(text: str) -> str:
    """Shorten a text to MAX_EXCERPT_LENGTH, between words if possible.

    >>> _truncate_text("ett " * 30)[-12:]
    'ett ett ett…'
    """
    text = " ".join(text.split())
    if len(text) <= MAX_EXCERPT_LENGTH:
        return text
    return (text[:MAX_EXCERPT_LENGTH].rpartition(" ")[0] or text[:MAX_EXCERPT_LENGTH]).rstrip(
        " ,.;:–"
    ) + "…"


FILE_FIELD = "file"  # of changes in the text of a file
SAME_TEXT_IMPORTANCE = KIND_IMPORTANCE["image"]  # figures and layout may differ
MAX_COMPARED_LETTERS = 400_000  # characters of both texts; longer ones are not compared
MAX_STORED_CHANGES = 100  # the most important ones
SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-ZÅÄÖÉ0-9–•”\"(])")
PAGE_WITHIN_SENTENCE = re.compile(r"\n\n(?=[a-zåäöé])")

# whether a link `l` of a redacted release is no longer one, or has a passage in its URL: then the
# URL is not shown
IS_URL_REDACTED_SQL = """
    (l.takedown is not null and not exists (select 1 from attachments a where a.release = l.release
      and a.url = l.url))
"""
# a takedown of any release that links to the same file, under any URL: `hidden` before `redacted`
TAKEDOWN_SQL = f"""
    (select min(iif(l.url = v.url and {IS_URL_REDACTED_SQL}, 'hidden', l.takedown))
      from attachment_versions w join attachment_links l on l.url = w.url where w.file = v.file)
"""
# whether the name of a file may be shown as an edit `e` of a release: not for hidden ones, which
# have no attachments
IS_FILE_EDIT_SHOWN_SQL = f"""
    not exists (select 1 from attachment_links l
      where l.release = e.release and l.url = v.url and {IS_URL_REDACTED_SQL})
"""
# absences that are as certain as a confirmed removal of a release
IS_MISSING_SQL = (
    f"v.missing_checks >= {MIN_CHECKS}"
    f" and julianday(v.missing_until) -"
    f" julianday(v.missing_since) >="
    f" {MIN_SPAN.total_seconds() / 86400}"
)
FILE_COLUMNS = f"""
    v.id, v.url, v.file, v.capture, v.cause, v.previous, v.first_seen,
      v.last_seen, v.checks, v.importance, v.summary,
    v.summary_en, v.changes, v.missing_since, v.missing_until, v.missing_checks,
      f.sha256, f.bytes, f.media_type,
    f.kind, f.pages, f.letters, f.problem, f.detail, f.extracted,
    iif({IS_MISSING_SQL}, v.missing_since, null) as confirmed_missing, {TAKEDOWN_SQL} as takedown
"""
FILE_VERSIONS_SQL = f"""
    select {FILE_COLUMNS} from attachment_versions v join attachment_files f on f.id = v.file
    where v.url = :url order by v.id desc
"""
FILE_PAGES_SQL = (
    "select page, name, text, letters, problem from attachment_pages where file = :file order"
    " by page"
)
LINKING_RELEASES_SQL = """
    select r.id, r.title, r.language, r.agency, r.removed_at, a.name,
      a.name_en, l.first_seen, l.last_seen,
      t.title as link_title, t.id is not null as is_linked,
      (select v.id from revisions v where v.release = r.id order by v.seen > :seen, v.seen desc,
        v.id desc limit 1)
        as revision
    from attachment_links l join releases r on r.id = l.release join agencies a on a.slug = r.agency
    left join attachments t on t.release = r.id and t.url = l.url
    where l.url = :url and r.takedown is not 'hidden' and r.moved_to is null
    group by r.id order by is_linked desc, r.id desc
"""
# edits of the releases in a common table expression `chain`
TIMELINE_FILES_SQL = f"""
    select v.id, e.release, 'attachment' as kind, v.first_seen as "when", v.url,
      v.previous, v.importance, v.summary,
      v.summary_en, v.changes, v.last_seen as until, v.checks, p.last_seen as last_seen_before,
      (select t.title from attachments t where t.release = e.release and t.url = v.url) as title
    from chain cross join attachment_edits e on e.release = chain.id join attachment_versions v
      on v.id = e.version
    join attachment_versions p on p.id = v.previous where {IS_FILE_EDIT_SHOWN_SQL}
"""
TIMELINE_MISSING_SQL = f"""
    select v.id, t.release, 'attachment_missing' as kind, v.missing_since as "when",
      v.url, v.missing_until as until,
      v.missing_checks as checks, v.last_seen as last_seen_before, t.title
    from chain cross join attachments t on t.release = chain.id
    join attachment_versions v on v.id = (select max(w.id) from attachment_versions w
      where w.url = t.url)
    where {IS_MISSING_SQL}
"""
FILE_KINDS = ("attachment", "attachment_missing")  # of events in a timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """The text of a file.

    problem: why the text is missing or incomplete, or None if it is complete.
    """

    kind: str | None
    letters: int | None
    problem: str | None
    pages: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Return whether the file contains text and all of the text was extracted."""
        return bool(self.letters) and self.problem is None

    def split(self) -> str:
        """Return the text as passages separated by blank lines.

        For a PDF, the passages are sentences. For other files, they are lines.

        The lines and pages of a PDF depend on its layout: one added word may move all lines after
        it. A page that begins with a lower-case letter continues a sentence.
        """
        if self.kind == "pdf":
            pages = (" ".join(page.split()) for page in self.pages)
            return SENTENCE_END.sub(
                "\n\n", PAGE_WITHIN_SENTENCE.sub(" ", "\n\n".join(filter(None, pages)))
            )
        return "\n\n".join(line for page in self.pages for line in page.split("\n") if line.strip())


def _can_compare(
    before: FileText, after: FileText, max_letters: int = MAX_COMPARED_LETTERS
) -> bool:
    """Return whether two texts can be compared. They can if both are complete and neither is too
    long.
    """
    letters = sum(len(page) for text in (before, after) for page in text.pages)
    return before.is_whole and after.is_whole and letters <= max_letters


def describe_change(before: FileText, after: FileText) -> dict[str, Any]:
    """Return how two versions of a file differ, as values for columns of attachment_versions."""
    changes, importance = (
        [build_change("attachments", "attachment", "1", "2")],
        KIND_IMPORTANCE["attachment"],
    )
    stored: str | None = None
    if _can_compare(before, after):
        diff = _compare_passages(before.split(), after.split())
        importance, stored = SAME_TEXT_IMPORTANCE, "[]"
        if diff.changes:
            changes, importance = list(diff.changes), diff.importance
            stored = json.dumps(
                [asdict(change) for change in changes[:MAX_STORED_CHANGES]], ensure_ascii=False
            )
    texts = {
        "summary": summarise_changes(changes, "sv"),
        "summary_en": summarise_changes(changes, "en"),
    }
    return {"importance": importance, **texts, "changes": stored}


def _compare_passages(before: str, after: str) -> Diff:
    """Compare the texts of two files."""
    states = [
        {**dict.fromkeys((*STATE_FIELDS, *LIST_FIELDS)), "title": "", "body": text}
        for text in (before, after)
    ]
    diff = compare(*states)
    return replace(
        diff, changes=tuple(replace(change, field=FILE_FIELD) for change in diff.changes)
    )


def diff_files(
    before: FileText, after: FileText, max_letters: int = MAX_COMPARED_LETTERS
) -> list[FieldDiff] | None:
    """Return the differences between two texts for display, or None if the texts cannot be
    compared.
    """
    if not _can_compare(before, after, max_letters):
        return None
    rows = [DiffRow(pieces) for pieces in diff_paragraphs(before.split(), after.split())]
    changed = any(row.op != "same" for row in rows)
    return [FieldDiff(FILE_FIELD, _skip_unchanged_rows(rows))] if changed else []


def _to_file_text(row: Mapping[str, Any], pages: Iterable[Mapping[str, Any]]) -> FileText:
    return FileText(
        kind=row["kind"],
        letters=row["letters"],
        problem=row["problem"],
        pages=[page["text"] for page in pages],
    )


async def read_file_version(run: RunQuery, version_id: int) -> dict[str, Any] | None:
    """Return a version of an attachment, or None if there is no such version."""
    rows = await run(
        f"""
        select {FILE_COLUMNS} from attachment_versions v join attachment_files f on f.id = v.file
          where v.id = :version
        """,
        {"version": version_id},
    )
    return dict(rows[0]) if rows else None


async def read_file_versions(run: RunQuery, url: str) -> list[dict[str, Any]]:
    """Return all versions of the file at a URL, newest first."""
    return [dict(row) for row in await run(FILE_VERSIONS_SQL, {"url": url})]


async def read_linking_releases(run: RunQuery, url: str, seen: str) -> list[dict[str, Any]]:
    """Return the visible releases that link to a URL, or once did.

    Releases that still link to it come first.

    The `revision` of each release is its version at the time `seen`. The evidence of that version
    includes the file.
    """
    return [dict(row) for row in await run(LINKING_RELEASES_SQL, {"url": url, "seen": seen})]


async def read_file_pages(run: RunQuery, file_id: int) -> list[dict[str, Any]]:
    return [dict(row) for row in await run(FILE_PAGES_SQL, {"file": file_id})]


async def read_file_diff(
    run: RunQuery, version_id: int, max_letters: int = MAX_COMPARED_LETTERS
) -> list[FieldDiff] | None:
    """Return how the text of an attachment version differs from the text of the previous version.

    Returns None if the texts cannot be compared. Each text may have up to `max_letters` characters.
    The comparison runs outside the event loop.
    """
    after = await read_file_version(run, version_id)
    before = (
        await read_file_version(run, after["previous"]) if after and after["previous"] else None
    )
    if after is None or before is None or after["takedown"]:
        return None
    old, new = [
        _to_file_text(row, await read_file_pages(run, row["file"])) for row in (before, after)
    ]
    return await asyncio.to_thread(diff_files, old, new, max_letters)


def name_file(url: str) -> str:
    """Return the file name in a URL, or the URL itself if it contains no file name.

    >>> name_file("https://a.se/filer/Beslut%201.pdf?v=2"), name_file("https://a.se/")
    ('Beslut 1.pdf', 'https://a.se/')
    """
    return unquote(urlsplit(url).path.rpartition("/")[2]) or url
