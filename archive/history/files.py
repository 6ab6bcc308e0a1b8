"""Reads the versions of attachments: their texts, how these differ, and which edits of releases they are.

A file that an agency replaced is an edit of each release that linked to it then (attachment_edits). It is a change of
its own: neither the state of the release nor its revisions know the content of files. Importance and summary come from
the texts of both files, with the rules of archive.diff, if both were read to their end. If not, or if a text is the
same, only that the file is another one is known.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from archive.database import RunQuery
from archive.diff import Diff, compare
from archive.diff.align import diff_paragraphs
from archive.diff.kinds import KIND_IMPORTANCE, build_change, summarise_changes
from archive.history.comparison import DiffRow, FieldDiff, skip_unchanged_rows
from archive.models import LIST_FIELDS, STATE_FIELDS
from archive.removals import MIN_CHECKS, MIN_SPAN

FILE_FIELD = "file"  # of changes in the text of a file
SAME_TEXT_IMPORTANCE = KIND_IMPORTANCE["image"]  # figures and layout may differ
MAX_COMPARED_LETTERS = 400_000  # characters of both texts; longer ones are not compared
MAX_STORED_CHANGES = 100  # the most important ones
SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-ZÅÄÖÉ0-9–•”\"(])")
PAGE_WITHIN_SENTENCE = re.compile(r"\n\n(?=[a-zåäöé])")

# whether a link `l` of a redacted release is no longer one, or has a passage in its URL: then the URL is not shown
IS_URL_REDACTED_SQL = """
    (l.takedown is not null and not exists (select 1 from attachments a where a.release = l.release and a.url = l.url))
"""
# a takedown of any release that links to the same file, under any URL: `hidden` before `redacted`
TAKEDOWN_SQL = f"""
    (select min(iif(l.url = v.url and {IS_URL_REDACTED_SQL}, 'hidden', l.takedown))
      from attachment_versions w join attachment_links l on l.url = w.url where w.file = v.file)
"""
# whether the name of a file may be shown as an edit `e` of a release: not for hidden ones, which have no attachments
IS_FILE_EDIT_SHOWN_SQL = f"""
    not exists (select 1 from attachment_links l
      where l.release = e.release and l.url = v.url and {IS_URL_REDACTED_SQL})
"""
# absences that are as certain as a confirmed removal of a release
IS_MISSING_SQL = (
    f"v.missing_checks >= {MIN_CHECKS}"
    f" and julianday(v.missing_until) - julianday(v.missing_since) >= {MIN_SPAN.total_seconds() / 86400}"
)
FILE_COLUMNS = f"""
    v.id, v.url, v.file, v.capture, v.cause, v.previous, v.first_seen, v.last_seen, v.checks, v.importance, v.summary,
    v.summary_en, v.changes, v.missing_since, v.missing_until, v.missing_checks, f.sha256, f.bytes, f.media_type,
    f.kind, f.pages, f.letters, f.problem, f.detail, f.extracted,
    iif({IS_MISSING_SQL}, v.missing_since, null) as confirmed_missing, {TAKEDOWN_SQL} as takedown
"""
FILE_VERSION_SQL = f"""
    select {FILE_COLUMNS} from attachment_versions v join attachment_files f on f.id = v.file where v.id = :version
"""
FILE_VERSIONS_SQL = f"""
    select {FILE_COLUMNS} from attachment_versions v join attachment_files f on f.id = v.file
    where v.url = :url order by v.id desc
"""
FILE_PAGES_SQL = "select page, name, text, letters, problem from attachment_pages where file = :file order by page"
LINKING_RELEASES_SQL = """
    select r.id, r.title, r.language, r.agency, r.removed_at, a.name, a.name_en, l.first_seen, l.last_seen,
      t.title as link_title, t.id is not null as is_linked,
      (select v.id from revisions v where v.release = r.id order by v.seen > :seen, v.seen desc, v.id desc limit 1)
        as revision
    from attachment_links l join releases r on r.id = l.release join agencies a on a.slug = r.agency
    left join attachments t on t.release = r.id and t.url = l.url
    where l.url = :url and r.takedown is not 'hidden' and r.moved_to is null
    group by r.id order by is_linked desc, r.id desc
"""
# edits of the releases in a common table expression `chain`
TIMELINE_FILES_SQL = f"""
    select v.id, e.release, 'attachment' as kind, v.first_seen as "when", v.url, v.previous, v.importance, v.summary,
      v.summary_en, v.changes, v.last_seen as until, v.checks, p.last_seen as last_seen_before,
      (select t.title from attachments t where t.release = e.release and t.url = v.url) as title
    from chain cross join attachment_edits e on e.release = chain.id join attachment_versions v on v.id = e.version
    join attachment_versions p on p.id = v.previous where {IS_FILE_EDIT_SHOWN_SQL}
"""
TIMELINE_MISSING_SQL = f"""
    select v.id, t.release, 'attachment_missing' as kind, v.missing_since as "when", v.url, v.missing_until as until,
      v.missing_checks as checks, v.last_seen as last_seen_before, t.title
    from chain cross join attachments t on t.release = chain.id
    join attachment_versions v on v.id = (select max(w.id) from attachment_versions w where w.url = t.url)
    where {IS_MISSING_SQL}
"""
FILE_KINDS = ("attachment", "attachment_missing")  # of events in a timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """The text of a file. problem: why it is missing or not whole."""

    kind: str | None
    letters: int | None
    problem: str | None
    pages: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Return whether the file has text that was read to its end."""
        return bool(self.letters) and self.problem is None

    def split(self) -> str:
        """Return the text in passages with blank lines between them: sentences of a PDF, else lines.

        The lines and pages of a PDF are where its layout has them: one added word may move all that follow. A page that
        begins with a small letter continues a sentence.
        """
        if self.kind == "pdf":
            pages = (" ".join(page.split()) for page in self.pages)
            return SENTENCE_END.sub("\n\n", PAGE_WITHIN_SENTENCE.sub(" ", "\n\n".join(filter(None, pages))))
        return "\n\n".join(line for page in self.pages for line in page.split("\n") if line.strip())


def can_compare(before: FileText, after: FileText, max_letters: int = MAX_COMPARED_LETTERS) -> bool:
    """Return whether the texts show what changed: both are whole, and not too long."""
    letters = sum(len(page) for text in (before, after) for page in text.pages)
    return before.is_whole and after.is_whole and letters <= max_letters


def describe_change(before: FileText, after: FileText) -> dict[str, Any]:
    """Return the columns of attachment_versions about a change of a file."""
    changes, importance = [build_change("attachments", "attachment", "1", "2")], KIND_IMPORTANCE["attachment"]
    stored: str | None = None
    if can_compare(before, after):
        diff = compare_passages(before.split(), after.split())
        importance, stored = SAME_TEXT_IMPORTANCE, "[]"
        if diff.changes:
            changes, importance = list(diff.changes), diff.importance
            stored = json.dumps([asdict(change) for change in changes[:MAX_STORED_CHANGES]], ensure_ascii=False)
    texts = {"summary": summarise_changes(changes, "sv"), "summary_en": summarise_changes(changes, "en")}
    return {"importance": importance, **texts, "changes": stored}


def compare_passages(before: str, after: str) -> Diff:
    """Compare two texts of files."""
    states = [{**dict.fromkeys((*STATE_FIELDS, *LIST_FIELDS)), "title": "", "body": text} for text in (before, after)]
    diff = compare(*states)
    return replace(diff, changes=tuple(replace(change, field=FILE_FIELD) for change in diff.changes))


def diff_files(before: FileText, after: FileText, max_letters: int = MAX_COMPARED_LETTERS) -> list[FieldDiff] | None:
    """Return how two texts differ, as a comparison shows it; None if they cannot be compared."""
    if not can_compare(before, after, max_letters):
        return None
    rows = [DiffRow(pieces) for pieces in diff_paragraphs(before.split(), after.split())]
    changed = any(row.op != "same" for row in rows)
    return [FieldDiff(FILE_FIELD, skip_unchanged_rows(rows))] if changed else []


def to_file_text(row: Mapping[str, Any], pages: Iterable[Mapping[str, Any]]) -> FileText:
    return FileText(
        kind=row["kind"], letters=row["letters"], problem=row["problem"], pages=[page["text"] for page in pages]
    )


async def read_file_version(run: RunQuery, version_id: int) -> dict[str, Any] | None:
    """Return a version of an attachment; None if there is no such version."""
    rows = await run(FILE_VERSION_SQL, {"version": version_id})
    return dict(rows[0]) if rows else None


async def read_file_versions(run: RunQuery, url: str) -> list[dict[str, Any]]:
    """Return all versions of the file at a URL, newest first."""
    return [dict(row) for row in await run(FILE_VERSIONS_SQL, {"url": url})]


async def read_linking_releases(run: RunQuery, url: str, seen: str) -> list[dict[str, Any]]:
    """Return the visible releases that link to a URL, or once did, the current links first.

    revision: the release's version at a time, whose evidence has the file of that time.
    """
    return [dict(row) for row in await run(LINKING_RELEASES_SQL, {"url": url, "seen": seen})]


async def read_file_pages(run: RunQuery, file_id: int) -> list[dict[str, Any]]:
    return [dict(row) for row in await run(FILE_PAGES_SQL, {"file": file_id})]


async def read_file_diff(
    run: RunQuery, version_id: int, max_letters: int = MAX_COMPARED_LETTERS
) -> list[FieldDiff] | None:
    """Return how the text of a version differs from the one before; None if the texts cannot be compared.

    Both texts may have up to `max_letters` characters. The comparison runs outside the event loop.
    """
    after = await read_file_version(run, version_id)
    before = await read_file_version(run, after["previous"]) if after and after["previous"] else None
    if after is None or before is None or after["takedown"]:
        return None
    old, new = [to_file_text(row, await read_file_pages(run, row["file"])) for row in (before, after)]
    return await asyncio.to_thread(diff_files, old, new, max_letters)


def name_file(url: str) -> str:
    """Return the name of a file in its URL, or the URL if it has none.

    >>> name_file("https://a.se/filer/Beslut%201.pdf?v=2"), name_file("https://a.se/")
    ('Beslut 1.pdf', 'https://a.se/')
    """
    return unquote(urlsplit(url).path.rpartition("/")[2]) or url
