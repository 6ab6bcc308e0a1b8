"""Citations of a version: as a reference (Swedish or English), BibTeX, RIS and CSL-JSON.

The permalink is /-/revision/<id>, which never changes. The hash in a citation is the SHA-256 of the
bytes from which the version was parsed. For an imported version, it is the hash of the stored
state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from archive.database.models import find_collection
from archive.database.sqlite_files import RunQuery
from archive.i18n import (
    NO_BREAK_SPACE,
    format_release_kind,
    format_stated_time,
    format_time,
    to_swedish_day,
    translate,
)
from archive.times import Month, parse_time

CITATION_SQL = """
    select v.id as revision, r.agency, a.name, a.name_en, v.title, v.kind, v.published, v.language,
      v.cause,
      v.parser_version, coalesce(c.seen, v.seen) as seen,
      -- the capture of a record of a press wire has the URL of the wire's list, with the
      -- record's id as fragment; that of a page in a web archive has its address there
      coalesce(iif(instr(c.url, '#') or c.observer, null, c.url), r.url) as url,
      coalesce(c.sha256, v.hash) as sha256, c.sha256 is not null as is_bytes_hash,
      iif(v.cause = 'import', (select min(seen) from observations where revision = v.id), null)
        as reading,
      case when v.cause = 'import' then (
          select max(coalesce(iif(o.id = r.revision, r.last_checked, o.last_seen), o.seen))
          from revisions o where o.release = r.id and o.hash = v.hash and o.cause <> 'import')
        when v.id <> r.revision then iif(v.checks, v.last_seen, null)
        when r.checks then r.last_checked end as found
    from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
    left join captures c on c.id = v.capture where v.id = :revision
"""
CITATION_TYPES = {  # file extension → media type
    "txt": "text/plain; charset=utf-8",
    "bib": "application/x-bibtex; charset=utf-8",
    "ris": "application/x-research-info-systems; charset=utf-8",
    "csl.json": "application/vnd.citationstyles.csl+json; charset=utf-8",
}
LATEX_ESCAPES = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """The facts that a citation contains. Times are in the format in which they are stored.
    `permalink` and `url` are absolute.
    """

    revision: int
    agency: str  # slug
    author: str  # name of the agency
    title: str
    kind: str | None
    published: str | None
    language: str | None
    url: str  # URL of the release at the agency
    permalink: str
    seen: str  # time at which the archive read this state, or imported it
    sha256: str
    is_bytes_hash: bool  # whether the hash is that of the received bytes, not of the state
    # name of the collection that the state was imported from; None if the archive has read it
    # itself
    collection: str | None
    reading: str | None = None  # when this collection first had it; None if unknown
    # last check that found it unchanged, or of an imported one, that found it at all; None if there
    # was none
    found: str | None = None
    # the two versions, if their comparison is cited; `sentence` then says what it shows
    versions: tuple[Citation, ...] = ()
    sentence: str = ""

    @property
    def key(self) -> str:
        numbers = (each.revision for each in self.versions or (self,))
        return "-".join([self.agency, self.year or "odaterad", *map(str, numbers)])

    @property
    def year(self) -> str | None:
        return self.published[:4] if self.published else None

    @property
    def accessed(self) -> date | None:
        """Return the date, in Swedish time, on which the archive read the cited version.

        Returns None if the version was imported.
        """
        return None if self.collection else to_swedish_day(self.seen)


async def read_citation(run: RunQuery, revision: int, permalink: str, lang: str) -> Citation | None:
    """Return the facts needed to cite a version, or None if there is no revision with this id."""
    for row in map(dict, await run(CITATION_SQL, {"revision": revision})):
        name, name_en = row.pop("name"), row.pop("name_en")
        author = name_en if lang == "en" and name_en else name
        collection = find_collection(row.pop("cause"), row.pop("parser_version"))
        return Citation(**row, author=author, permalink=permalink, collection=collection)
    return None


def cite_comparison(
    before: Citation, after: Citation, permalink: str, *, summary: str, made: str | None, lang: str
) -> Citation:
    """Return the facts needed to cite a comparison of two versions.

    summary: what differs between the versions.
    made: a sentence that says when the agency made the edit between the versions. None if the
        difference is not an edit.
    """
    names = {"author": after.author, "title": after.title, "summary": summary}
    names |= {"other_author": before.author, "other": before.title}
    if made is not None:
        sentence = f"{translate(lang, 'cite.edit', **names)} {made}"
    else:
        is_same = (before.author, before.title) == (after.author, after.title)
        sentence = translate(lang, "cite.versions" if is_same else "cite.texts", **names)
    title_key = "diff.comparison_title" if made is None else "diff.title"
    title = translate(lang, title_key, title=after.title)
    versions = (before, after)
    return replace(
        after, title=title, permalink=permalink, versions=versions, sentence=_separate(sentence)
    )


def format_citation(citation: Citation, extension: str, lang: str) -> str:
    if extension == "txt" and citation.versions:
        # without the hashes, which the page shows beside it: they would hide the sentence
        note = _format_archive_note(citation, lang, with_hash=False)
        return f"{citation.sentence} {_format_original(citation, lang)}. {note}\n"
    if extension == "txt":
        return format_reference(citation, lang) + "\n"
    if extension == "bib":
        return format_bibtex(citation, lang)
    return format_ris(citation, lang) if extension == "ris" else _format_csl(citation, lang)


def format_reference(citation: Citation, lang: str) -> str:
    """Format a citation as an entry in a reference list."""
    when = format_stated_time(lang, citation.published).partition(",")[0].partition(" kl.")[
        0
    ] or translate(lang, "cite.undated")
    kind = f" [{format_release_kind(lang, citation.kind)}]" if citation.kind else ""
    end = "" if f"{citation.title}{kind}".endswith((".", "?", "!")) else "."
    note = _format_archive_note(citation, lang)
    return f"{citation.author} ({when}). {citation.title}{kind}{end} {citation.url} – {note}"


def format_bibtex(citation: Citation, lang: str) -> str:
    """Format a citation as a BibTeX @misc entry in UTF-8, which biber can also read.

    Characters with a special meaning in LaTeX are escaped in names and titles.
    """
    parts = _split_date(citation.published)
    fields: dict[str, str | None] = {
        "author": f"{{{escape_latex(citation.author)}}}",
        "title": f"{{{escape_latex(citation.title)}}}",
        "year": str(parts[0]) if parts else None,
        "month": str(parts[1]) if parts else None,
        "day": str(parts[2]) if len(parts) > 2 else None,
        "howpublished": escape_latex(format_release_kind(lang, citation.kind))
        if citation.kind
        else None,
        "url": citation.permalink,
        "urldate": citation.accessed.isoformat() if citation.accessed else None,
        "note": escape_latex(_format_long_note(citation, lang)),
        "language": citation.language,
    }
    return format_bibtex_entry("misc", citation.key, fields)


def format_bibtex_entry(entry_type: str, key: str, fields: Mapping[str, str | None]) -> str:
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@{entry_type}{{{key},\n{lines}\n}}\n"


def format_ris(citation: Citation, lang: str) -> str:
    """Format a citation as an RIS record of a web page (ELEC), with CRLF line endings."""
    parts = _split_date(citation.published)
    lines: list[tuple[str, str | None]] = [
        ("TY", "ELEC"),
        ("ID", citation.key),
        ("AU", citation.author),
        ("TI", citation.title),
        ("PY", str(parts[0]) if parts else None),
        ("DA", "/".join(f"{part:02}" for part in parts) if parts else None),
        ("M3", format_release_kind(lang, citation.kind) if citation.kind else None),
        ("UR", citation.permalink),
        ("L2", citation.url),
        ("Y2", f"{citation.accessed:%Y/%m/%d}" if citation.accessed else None),
        ("DB", translate(lang, "site.name")),
        ("LA", citation.language),
        ("N1", _format_archive_note(citation, lang)),
        ("ER", ""),
    ]
    return "".join(f"{name}  - {value}\r\n" for name, value in lines if value is not None)


def _format_csl(citation: Citation, lang: str) -> str:
    """Format a citation as a CSL-JSON list with one item, for citation processors."""
    issued = _split_date(citation.published)
    accessed = citation.accessed and [
        citation.accessed.year,
        citation.accessed.month,
        citation.accessed.day,
    ]
    item: dict[str, Any] = {
        "id": citation.key,
        "type": "speech" if citation.kind == "speech" else "webpage",
        "author": [{"literal": citation.author}],
        "title": citation.title,
        "genre": format_release_kind(lang, citation.kind) if citation.kind else None,
        "issued": {"date-parts": [issued]} if issued else None,
        "accessed": {"date-parts": [accessed]} if accessed else None,
        "URL": citation.permalink,
        "archive": translate(lang, "site.name"),
        "archive_location": citation.permalink,
        "language": citation.language,
        "note": _format_long_note(citation, lang),
    }
    return (
        json.dumps([{k: v for k, v in item.items() if v is not None}], ensure_ascii=False, indent=1)
        + "\n"
    )


def _format_original(citation: Citation, lang: str) -> str:
    """Return the agency's URL, with the date of publication if the agency states one."""
    when = _separate(format_stated_time(lang, citation.published))
    text_key = "cite.published" if when else "cite.original"
    return translate(lang, text_key, when=when, url=citation.url)


def _format_archive_note(citation: Citation, lang: str, *, with_hash: bool = True) -> str:
    """Return a note that says when the archive read the cited version, or each of two compared
    versions.

    with_hash: whether the note contains the hash of each version.
    """
    if citation.versions:
        before, after = (
            _format_archive_note(each, lang, with_hash=with_hash) for each in citation.versions
        )
        permalink = citation.permalink
        return translate(lang, "cite.comparison", permalink=permalink, before=before, after=after)
    text_key = "cite.imported_note" if citation.collection else "cite.read"
    if citation.reading:
        text_key = "cite.reading_note"
    when, reading = (
        _separate(format_time(lang, moment)) for moment in (citation.seen, citation.reading)
    )
    sentence = translate(
        lang,
        text_key,
        when=when,
        reading=reading,
        permalink=citation.permalink,
        collection=citation.collection or "",
    )
    if not with_hash:
        return f"{sentence}."
    digest = translate(
        lang, "cite.hash" if citation.is_bytes_hash else "cite.state_hash", hash=citation.sha256
    )
    return f"{sentence} ({digest})."


def _separate(text: str) -> str:
    """Replace no-break spaces with ordinary ones, because citations are pasted into other
    documents.
    """
    return text.replace(NO_BREAK_SPACE, " ")


def _format_long_note(citation: Citation, lang: str) -> str:
    """Return the agency's URL and the archive note, for formats whose only URL is the permalink."""
    return " – ".join(
        (translate(lang, "cite.original", url=citation.url), _format_archive_note(citation, lang))
    )


def _split_date(text: str | None) -> list[int]:
    """Return a stated time as [year, month, day], in the time zone that it gives.

    If the time is only a month, the day is left out. Returns [] for None.

    >>> _split_date("2024-06-01T23:30:00+02:00"), _split_date("2024-06"), _split_date(None)
    ([2024, 6, 1], [2024, 6], [])
    """
    value = parse_time(text)
    if value is None:
        return []
    return (
        [value.year, value.month]
        if isinstance(value, Month)
        else [value.year, value.month, value.day]
    )


def escape_latex(text: str) -> str:
    """Escape the characters that have a special meaning in LaTeX.

    >>> escape_latex("50 % & {mer}")
    '50 \\\\% \\\\& \\\\{mer\\\\}'
    """
    return "".join(LATEX_ESCAPES.get(mark, mark) for mark in text)
