"""How a slice is cited: a sentence, BibTeX and CITATION.cff. What is cited is told by the fingerprint of its data."""

from __future__ import annotations

from dataclasses import dataclass

from archive.citation.formats import escape
from archive.slices.asked import Asked
from archive.slices.state import State

AUTHOR = "Myndighetsarkivet"
LONGEST = 200  # characters of a question in a title


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What a citation tells. fingerprint: SHA-256 over the hashes of the data files; site: the archive's address."""

    asked: Asked
    state: State
    fingerprint: str
    site: str | None = None

    @property
    def name(self) -> str:
        """Short, and the same whenever the same is taken."""
        return f"myndighetsarkivet-{self.fingerprint[:12]}"

    @property
    def size(self) -> str:
        """How many releases."""
        return f"{self.asked.found} release{'' if self.asked.found == 1 else 's'}"

    @property
    def title(self) -> str:
        """What it is of."""
        words = " ".join(self.asked.text.split())
        asked = words if len(words) <= LONGEST else words[:LONGEST] + "…"
        of = f"releases found by “{asked}”" if asked else "all releases"
        return f"Slice of Myndighetsarkivet: {of}"


def to_sentence(one: Slice) -> str:
    """A line for a list of references."""
    where = f" {one.site}." if one.site else ""
    return (
        f"{AUTHOR} ({one.state.day[:4] or 'n.d.'}). {one.title} [data set], {one.size} as of"
        f" {one.state.newest_change_at or 'an empty archive'}.{where} SHA-256 {one.fingerprint}."
    )


def to_bibtex(one: Slice) -> str:
    """An @dataset entry (biblatex; BibTeX takes it for @misc)."""
    fields = {
        "author": f"{{{AUTHOR}}}",
        "title": f"{{{escape(one.title)}}}",
        "year": one.state.day[:4],
        "date": one.state.day,
        "version": f"change {one.state.newest_change}" if one.state.newest_change else "",
        "url": one.site or "",
        "note": f"{one.size}. SHA-256 {one.fingerprint}",
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@dataset{{{one.name},\n{lines}\n}}\n"


def to_cff(one: Slice) -> str:
    """The Citation File Format, which repositories and reference managers read (YAML)."""
    lines = [
        "cff-version: 1.2.0",
        "message: Please cite this data set as below, and each agency as the source of what you quote.",
        "type: dataset",
        f"title: {quote(one.title)}",
        "authors:",
        f"  - name: {AUTHOR}",
        f"version: {quote(f'change {one.state.newest_change}')}",
        *([f"date-released: {quote(one.state.day)}"] if one.state.day else []),
        *([f"url: {quote(one.site)}"] if one.site else []),
        "identifiers:",
        "  - type: other",
        f"    value: {quote(f'sha256:{one.fingerprint}')}",
        "    description: SHA-256 over the lines of SHA256SUMS that name files under data/",
    ]
    return "\n".join(lines) + "\n"


def quote(text: str) -> str:
    r"""A text as YAML takes it, whatever stands in it.

    >>> quote('a "b": c')
    '"a \\"b\\": c"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(letter if letter.isprintable() else " " for letter in escaped) + '"'
