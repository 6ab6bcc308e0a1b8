"""Sentence, BibTeX, RIS, CSL-JSON.

A citation of one revision: what is cited, in a form each way of writing it draws on.

The permalink is /-/revision/<id>: it leads to the state as it stood, whatever the release says today. The hash is that
of the bytes it was read from, or where none are kept (an imported release) that of the state itself.

A citation written out: a sentence (Swedish or English), BibTeX, RIS and CSL-JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from archive.database import RunQuery
from archive.dates import Month, parse_time
from archive.i18n import NO_BREAK_SPACE, SWEDISH_TIME, format_release_kind, format_stated_time, format_time, translate

CITATION_SQL = """
    select v.id, v.release, v.seen, v.cause, v.kind, v.title, v.published, v.updated, v.language, v.hash,
      r.url as url_now, r.revision as stands, r.agency, a.name, a.name_en,
      c.url as url_then, c.seen as captured, c.sha256
    from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
    left join captures c on c.id = v.capture where v.id = :revision
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """What a citation tells. Times are as the archive stores them; `permalink` and `url` are whole addresses."""

    revision: int
    release: int
    agency: str  # slug
    author: str  # the agency's name
    title: str
    kind: str | None
    published: str | None
    updated: str | None
    language: str | None
    url: str  # at the agency
    permalink: str
    seen: str  # when the archive read this state
    sha256: str
    is_bytes_hash: bool  # whether the hash is of the bytes as they came, or of the state
    is_imported: bool  # from another collection, so that `seen` is when that was done
    is_current: bool  # whether it is the state that stands now

    @property
    def key(self) -> str:
        """A short name for lists of references, the same whenever it is asked for."""
        return f"{self.agency}-{self.year or 'odaterad'}-{self.revision}"

    @property
    def year(self) -> str | None:
        """Of publication, as the agency tells it."""
        return self.published[:4] if self.published else None

    @property
    def accessed(self) -> date:
        """The day in Sweden on which the archive read it."""
        moment = parse_time(self.seen)
        assert isinstance(moment, datetime)  # noqa: S101 - our own note
        return moment.astimezone(SWEDISH_TIME).date()


def build_citation(row: Mapping[str, Any], permalink: str, lang: str) -> Citation:
    """A row of CITED as a citation."""
    author = row["name_en"] if lang == "en" and row["name_en"] else row["name"]
    own = ("release", "agency", "title", "kind", "published", "updated", "language")
    return Citation(
        **{name: row[name] for name in own},
        revision=row["id"],
        author=author,
        url=row["url_then"] or row["url_now"],
        permalink=permalink,
        seen=row["captured"] or row["seen"],
        sha256=row["sha256"] or row["hash"],
        is_bytes_hash=row["sha256"] is not None,
        is_imported=row["cause"] == "import",
        is_current=row["stands"] == row["id"],
    )


async def read_citation_row(run: RunQuery, revision: int) -> Mapping[str, Any] | None:
    """The facts of a revision, if there is one."""
    rows = await run(CITATION_SQL, {"revision": revision})
    return dict(rows[0]) if rows else None


def split_date(text: str | None) -> list[int]:
    """A stored time as year, month and day of the agency's own clock, as far as they are told.

    >>> split_date("2024-06-01T23:30:00+02:00"), split_date("2024-06"), split_date(None)
    ([2024, 6, 1], [2024, 6], [])
    """
    value = parse_time(text)
    if value is None:
        return []
    return [value.year, value.month] if isinstance(value, Month) else [value.year, value.month, value.day]


CITATION_TYPES = {  # of the ways that are files: their address's ending, and what they are
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


def format_citation(citation: Citation, extension: str, lang: str) -> str:
    """A citation in one of TYPES."""
    if extension == "txt":
        return format_reference(citation, lang) + "\n"
    if extension == "bib":
        return format_bibtex(citation, lang)
    return format_ris(citation, lang) if extension == "ris" else format_csl(citation, lang)


def format_reference(citation: Citation, lang: str) -> str:
    """A line for a list of references."""
    when = format_stated_time(lang, citation.published).partition(",")[0].partition(" kl.")[0] or translate(
        lang, "cite_undated"
    )
    kind = f" [{format_release_kind(lang, citation.kind)}]" if citation.kind else ""
    end = "" if f"{citation.title}{kind}".endswith((".", "?", "!")) else "."
    return f"{citation.author} ({when}). {citation.title}{kind}{end} {citation.url} – {format_archive_note(citation, lang)}"


def format_archive_note(citation: Citation, lang: str) -> str:
    """Which state is cited, and by what it can be checked."""
    how = "cite_taken_over" if citation.is_imported else "cite_read"
    when = format_time(lang, citation.seen).replace(NO_BREAK_SPACE, " ")  # plain text: it is pasted anywhere
    told = translate(lang, how, when=when, permalink=citation.permalink)
    digest = translate(lang, "cite_hash" if citation.is_bytes_hash else "cite_state_hash", hash=citation.sha256)
    return f"{told} ({digest})."


def format_long_note(citation: Citation, lang: str) -> str:
    """The same with the address at the agency, for forms whose one address is the permalink."""
    return " – ".join((translate(lang, "cite_original", url=citation.url), format_archive_note(citation, lang)))


def format_bibtex(citation: Citation, lang: str) -> str:
    """An @misc entry that BibTeX, biber and reference managers read; UTF-8, names and titles kept as they are."""
    parts = split_date(citation.published)
    fields: dict[str, str | None] = {
        "author": f"{{{escape_latex(citation.author)}}}",
        "title": f"{{{escape_latex(citation.title)}}}",
        "year": str(parts[0]) if parts else None,
        "month": str(parts[1]) if parts else None,
        "day": str(parts[2]) if len(parts) > 2 else None,
        "howpublished": escape_latex(format_release_kind(lang, citation.kind)) if citation.kind else None,
        "url": citation.permalink,
        "urldate": citation.accessed.isoformat(),
        "note": escape_latex(format_long_note(citation, lang)),
        "language": citation.language,
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{{citation.key},\n{lines}\n}}\n"


def format_ris(citation: Citation, lang: str) -> str:
    """A record of a web page; lines end with CR LF."""
    parts = split_date(citation.published)
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
        ("Y2", f"{citation.accessed:%Y/%m/%d}"),
        ("DB", translate(lang, "site")),
        ("LA", citation.language),
        ("N1", format_archive_note(citation, lang)),
        ("ER", ""),
    ]
    return "".join(f"{name}  - {value}\r\n" for name, value in lines if value is not None)


def format_csl(citation: Citation, lang: str) -> str:
    """A list of one item, as citation processors take it."""
    issued = split_date(citation.published)
    accessed = [citation.accessed.year, citation.accessed.month, citation.accessed.day]
    item: dict[str, Any] = {
        "id": citation.key,
        "type": "speech" if citation.kind == "speech" else "webpage",
        "author": [{"literal": citation.author}],
        "title": citation.title,
        "genre": format_release_kind(lang, citation.kind) if citation.kind else None,
        "issued": {"date-parts": [issued]} if issued else None,
        "accessed": {"date-parts": [accessed]},
        "URL": citation.permalink,
        "archive": translate(lang, "site"),
        "archive_location": citation.permalink,
        "language": citation.language,
        "note": format_long_note(citation, lang),
    }
    return json.dumps([{k: v for k, v in item.items() if v is not None}], ensure_ascii=False, indent=1) + "\n"


def escape_latex(text: str) -> str:
    """A text in which TeX reads nothing as a command.

    >>> escape_latex("50 % & {mer}")
    '50 \\\\% \\\\& \\\\{mer\\\\}'
    """
    return "".join(LATEX_ESCAPES.get(mark, mark) for mark in text)
