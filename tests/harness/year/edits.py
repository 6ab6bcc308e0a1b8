"""Edits of a release: each function returns the fields that it changes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from tests.site.compose import COUNTIES
from tests.site.releases import Release

ADDED = (
    "Uppgiften om {} har kompletterats sedan den först lades ut.",
    "I {} dröjer beskedet till nästa månad.",
    "Myndigheten har efter frågor från {} förtydligat vad som gäller.",
    "För {} gäller samma villkor som tidigare, enligt det nya beskedet.",
    "Beslutet omfattar numera även {}.",
)
Changes = dict[str, Any]


def edit(release: Release, how: str, seed: str) -> Changes:
    """Return the fields that an edit changes; raise ValueError if there are none."""
    changes = EDITS[how](release, random.Random(f"{how} {seed}"))
    if not changes or all(getattr(release, name) == value for name, value in changes.items()):
        raise ValueError(f"{release.path}: {how} changes nothing")
    return changes


def new_title(release: Release, rng: random.Random) -> Changes:
    return {"title": f"{release.title} – nya uppgifter från {rng.choice(COUNTIES)}"}


def longer_lead(release: Release, rng: random.Random) -> Changes:
    return {"lead": f"{release.lead} {sentence(rng)}"}


def new_paragraph(release: Release, rng: random.Random) -> Changes:
    at = rng.randint(1, len(paragraphs(release)))
    blocks = list(release.blocks)
    blocks.insert(paragraphs(release)[at - 1] + 1, ("p", f"{sentence(rng)} {sentence(rng)}"))
    return {"blocks": tuple(blocks)}


def longer_paragraph(release: Release, rng: random.Random) -> Changes:
    return in_paragraph(release, rng, lambda text: f"{text} {sentence(rng)}")


def shorter_text(release: Release, rng: random.Random) -> Changes:
    """Remove a paragraph, or add one if there are fewer than three."""
    if len(paragraphs(release)) < 3:
        return new_paragraph(release, rng)
    gone = rng.choice(paragraphs(release)[1:])
    return {"blocks": tuple(block for n, block in enumerate(release.blocks) if n != gone)}


def other_number(release: Release, rng: random.Random) -> Changes:
    """Correct a figure, or add one."""

    def correct(text: str) -> str:
        found = re.search(r"\b\d{1,3}(?: \d{3})*\b", text)
        if not found:
            return f"{text} Totalt berörs {rng.randint(200, 900)} personer."
        return text.replace(found[0], str(int(found[0].replace(" ", "")) + rng.randint(2, 90)), 1)

    return in_paragraph(release, rng, correct)


def other_answer(release: Release, rng: random.Random) -> Changes:
    """Add a sentence to an answer, or to a paragraph if there are no questions."""
    if not release.questions:
        return longer_paragraph(release, rng)
    at = rng.randrange(len(release.questions))
    asked = [[qa.question, *qa.answer] for qa in release.questions]
    asked[at][-1] = f"{asked[at][-1]} {sentence(rng)}"
    return {"questions": asked}


def typo(release: Release, rng: random.Random) -> Changes:
    """Swap two letters of a long word."""

    def swap(text: str) -> str:
        words = re.findall(r"\b[a-zåäö]{7,}\b", text)
        word = rng.choice([w for w in words if w[2] != w[3]])
        return text.replace(word, word[:2] + word[3] + word[2] + word[4:], 1)

    return in_paragraph(release, rng, swap)


def punctuation(release: Release, rng: random.Random) -> Changes:
    """Replace a comma by a dash, or a full stop by an exclamation mark."""
    return in_paragraph(
        release,
        rng,
        lambda text: text.replace(", ", " – ", 1) if ", " in text else text.removesuffix(".") + "!",
    )


def in_paragraph(release: Release, rng: random.Random, change: Callable[[str], str]) -> Changes:
    """Change a random plain paragraph."""
    at = rng.choice(paragraphs(release))
    blocks = list(release.blocks)
    blocks[at] = ("p", change(blocks[at][1]))
    return {"blocks": tuple(blocks)}


def paragraphs(release: Release) -> list[int]:
    """Return the indices of the plain paragraphs: not quotes, links or introductions to the
    questions.
    """
    return [
        n
        for n, (tag, text) in enumerate(release.blocks)
        if tag == "p" and not text.startswith("–") and "[[" not in text and not text.endswith(":")
    ]


def sentence(rng: random.Random) -> str:
    return rng.choice(ADDED).format(rng.choice(COUNTIES))


COSMETIC = (typo, punctuation)
FULL_EDITS = (
    *(new_title, longer_lead, new_paragraph, longer_paragraph),
    *(shorter_text, other_number, other_answer),
)
EDITS: dict[str, Callable[[Release, random.Random], Changes]] = {
    way.__name__: way for way in (*FULL_EDITS, *COSMETIC)
}
FULL = tuple(way.__name__ for way in FULL_EDITS)  # edits of what is said
