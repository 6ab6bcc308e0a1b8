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

from archive.database import Run
from archive.dates import Month, parse_time
from archive.i18n import NO_BREAK, ZONE, say, say_kind, say_time, say_told

CITED = """
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
    of_bytes: bool  # whether the hash is of the bytes as they came, or of the state
    taken_over: bool  # from another collection, so that `seen` is when that was done
    stands: bool  # whether it is the state that stands now

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
        return moment.astimezone(ZONE).date()


def to_citation(row: Mapping[str, Any], permalink: str, lang: str) -> Citation:
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
        of_bytes=row["sha256"] is not None,
        taken_over=row["cause"] == "import",
        stands=row["stands"] == row["id"],
    )


async def read_cited(run: Run, revision: int) -> Mapping[str, Any] | None:
    """The facts of a revision, if there is one."""
    rows = await run(CITED, {"revision": revision})
    return dict(rows[0]) if rows else None


def date_parts(text: str | None) -> list[int]:
    """A stored time as year, month and day of the agency's own clock, as far as they are told.

    >>> date_parts("2024-06-01T23:30:00+02:00"), date_parts("2024-06"), date_parts(None)
    ([2024, 6, 1], [2024, 6], [])
    """
    value = parse_time(text)
    if value is None:
        return []
    return [value.year, value.month] if isinstance(value, Month) else [value.year, value.month, value.day]


TYPES = {  # of the ways that are files: their address's ending, and what they are
    "txt": "text/plain; charset=utf-8",
    "bib": "application/x-bibtex; charset=utf-8",
    "ris": "application/x-research-info-systems; charset=utf-8",
    "csl.json": "application/vnd.citationstyles.csl+json; charset=utf-8",
}
LATEX = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


def write(cited: Citation, ending: str, lang: str) -> str:
    """A citation in one of TYPES."""
    if ending == "txt":
        return to_sentence(cited, lang) + "\n"
    if ending == "bib":
        return to_bibtex(cited, lang)
    return to_ris(cited, lang) if ending == "ris" else to_csl(cited, lang)


def to_sentence(cited: Citation, lang: str) -> str:
    """A line for a list of references."""
    when = say_told(lang, cited.published).partition(",")[0].partition(" kl.")[0] or say(lang, "cite_undated")
    kind = f" [{say_kind(lang, cited.kind)}]" if cited.kind else ""
    end = "" if f"{cited.title}{kind}".endswith((".", "?", "!")) else "."
    return f"{cited.author} ({when}). {cited.title}{kind}{end} {cited.url} – {to_note(cited, lang)}"


def to_note(cited: Citation, lang: str) -> str:
    """Which state is cited, and by what it can be checked."""
    how = "cite_taken_over" if cited.taken_over else "cite_read"
    when = say_time(lang, cited.seen).replace(NO_BREAK, " ")  # plain text: it is pasted anywhere
    told = say(lang, how, when=when, permalink=cited.permalink)
    digest = say(lang, "cite_hash" if cited.of_bytes else "cite_state_hash", hash=cited.sha256)
    return f"{told} ({digest})."


def to_long_note(cited: Citation, lang: str) -> str:
    """The same with the address at the agency, for forms whose one address is the permalink."""
    return " – ".join((say(lang, "cite_original", url=cited.url), to_note(cited, lang)))


def to_bibtex(cited: Citation, lang: str) -> str:
    """An @misc entry that BibTeX, biber and reference managers read; UTF-8, names and titles kept as they are."""
    parts = date_parts(cited.published)
    fields: dict[str, str | None] = {
        "author": f"{{{escape(cited.author)}}}",
        "title": f"{{{escape(cited.title)}}}",
        "year": str(parts[0]) if parts else None,
        "month": str(parts[1]) if parts else None,
        "day": str(parts[2]) if len(parts) > 2 else None,
        "howpublished": escape(say_kind(lang, cited.kind)) if cited.kind else None,
        "url": cited.permalink,
        "urldate": cited.accessed.isoformat(),
        "note": escape(to_long_note(cited, lang)),
        "language": cited.language,
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{{cited.key},\n{lines}\n}}\n"


def to_ris(cited: Citation, lang: str) -> str:
    """A record of a web page; lines end with CR LF."""
    parts = date_parts(cited.published)
    lines: list[tuple[str, str | None]] = [
        ("TY", "ELEC"),
        ("ID", cited.key),
        ("AU", cited.author),
        ("TI", cited.title),
        ("PY", str(parts[0]) if parts else None),
        ("DA", "/".join(f"{part:02}" for part in parts) if parts else None),
        ("M3", say_kind(lang, cited.kind) if cited.kind else None),
        ("UR", cited.permalink),
        ("L2", cited.url),
        ("Y2", f"{cited.accessed:%Y/%m/%d}"),
        ("DB", say(lang, "site")),
        ("LA", cited.language),
        ("N1", to_note(cited, lang)),
        ("ER", ""),
    ]
    return "".join(f"{name}  - {value}\r\n" for name, value in lines if value is not None)


def to_csl(cited: Citation, lang: str) -> str:
    """A list of one item, as citation processors take it."""
    issued = date_parts(cited.published)
    accessed = [cited.accessed.year, cited.accessed.month, cited.accessed.day]
    item: dict[str, Any] = {
        "id": cited.key,
        "type": "speech" if cited.kind == "speech" else "webpage",
        "author": [{"literal": cited.author}],
        "title": cited.title,
        "genre": say_kind(lang, cited.kind) if cited.kind else None,
        "issued": {"date-parts": [issued]} if issued else None,
        "accessed": {"date-parts": [accessed]},
        "URL": cited.permalink,
        "archive": say(lang, "site"),
        "archive_location": cited.permalink,
        "language": cited.language,
        "note": to_long_note(cited, lang),
    }
    return json.dumps([{k: v for k, v in item.items() if v is not None}], ensure_ascii=False, indent=1) + "\n"


def escape(text: str) -> str:
    """A text in which TeX reads nothing as a command.

    >>> escape("50 % & {mer}")
    '50 \\\\% \\\\& \\\\{mer\\\\}'
    """
    return "".join(LATEX.get(mark, mark) for mark in text)
