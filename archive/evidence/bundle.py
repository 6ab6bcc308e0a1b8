"""A zip of evidence being written, and its guide: which times are told, what the files are, how to check them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from archive.evidence.texts import GUIDE

SUMS = "SHA256SUMS"
LANGUAGES = ("sv", "en")


@dataclass(slots=True, kw_only=True)
class Bundle:
    """Holds no file's content longer than it takes to write it. The same archive always makes the same bytes."""

    zip: ZipFile
    folder: str
    when: datetime  # every file's, so that the zip tells nothing of when it was made
    times: list[tuple[str, object]] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)  # name, and the text that tells what it is
    sums: list[tuple[str, str]] = field(default_factory=list)  # name, and the digest it must have
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    steps: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def add(self, name: str, content: bytes, told: str | None = None, sha256: str | None = None) -> None:
        """A file; `told` is the text on it, `sha256` what its digest must be."""
        entry = ZipInfo(f"{self.folder}/{name}", self.when.timetuple()[:6])
        entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
        self.zip.writestr(entry, content)
        if told:
            self.files.append((name, told))
        if sha256:
            self.sums.append((name, sha256))

    def close(self, title: str, about: dict[str, Any]) -> None:
        """The sums, if there are any, and the guides, which tell of all other files.

        title: the text that heads them; about: its words.
        """
        if self.sums:
            self.add(SUMS, "".join(f"{sha256}  {name}\n" for name, sha256 in self.sums).encode(), SUMS)
            self.steps.insert(0, ("check_files", {}))
        for language in LANGUAGES:
            self.add(f"README.{language}.txt", self.guide(title, about, language).encode())

    def guide(self, title: str, about: dict[str, Any], language: str) -> str:
        """How to read and check the bundle, in plain text."""

        def say(key: str, **values: object) -> str:
            return str(getattr(GUIDE[key], language)).format(**values)

        parts = [f"{say(title, **about)}\n{say('from', **about)}"]
        parts += [say(key, **values) for key, values in self.notes]
        told = [f"  {say(key)}: {say('not_told') if value is None else value}" for key, value in self.times]
        parts.append("\n".join([say("times"), *told]))
        if self.sums:
            parts.append("\n".join([say("files"), *(f"  {name}: {say(key)}" for name, key in self.files)]))
            steps = [f"  {number}. {say(key, **values)}" for number, (key, values) in enumerate(self.steps, 1)]
            parts.append("\n".join([say("check"), *steps]))
            parts.append(say("limits" if any(key == "check_chain" for key, _ in self.steps) else "alone"))
        return "\n\n".join(parts) + "\n"
