"""Creates an archive that is worth attacking: thousands of releases, one with a million letters and
an edit.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from archive.database.models import Release
from archive.store.releases import Archive
from tests.archive.sample import SEEN, fill
from tests.harness.locked.attacks import WORDS


def build(path: Path, releases: int, letters: int) -> Path:
    """Create the archive with invented texts, which are the same each time."""
    chance = random.Random(20240603)

    def write(length: int) -> str:
        words = " ".join(chance.choices(WORDS.split(), k=length // 8))
        return "\n\n".join(words[at : at + 600] for at in range(0, len(words), 600))

    fill(path)
    with Archive(path) as archive:
        for number in range(releases):
            archive.save(
                make(f"/massa/{number}", f"{write(40)} {number}", write(3_000)), seen_at=SEEN
            )
        long = make("/massa/lang", "En mycket lång text", write(letters))
        archive.save(long, seen_at=SEEN)
        edited = write(letters)
        archive.save(
            replace(long, body=edited, body_html=f"<p>{edited}</p>"),
            seen_at=SEEN + timedelta(days=1),
        )
    return path


def make(path: str, title: str, body: str) -> Release:
    """Return a release of the sample's roads agency."""
    return Release(
        agency="vagmyndigheten",
        url=f"https://vagmyndigheten.example{path}",
        title=title,
        lead=body[:200],
        body=body,
        body_html="".join(f"<p>{part}</p>" for part in body.split("\n\n")),
        language="sv",
    )
