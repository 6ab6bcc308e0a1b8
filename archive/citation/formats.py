"""A citation written out: a sentence (Swedish or English), BibTeX, RIS and CSL-JSON."""

from __future__ import annotations

import json
from typing import Any

from archive.citation import Citation, date_parts
from archive.language import NO_BREAK, say, say_kind, say_time, say_told

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
