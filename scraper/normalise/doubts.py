"""What of a release is kept as found though it is broken: by field, for whoever can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from archive.records import Release
from scraper.normalise.mojibake import find_damage

FIELDS = (
    "title",
    "lead",
    "body",
    "published_text",
    "updated_text",
    "tags",
    "questions",
    "images",
    "attachments",
    "contacts",
)
NO_WORDS = ("url", "media_type")


class Doubt(NamedTuple):
    """One doubtful field of a kept release. As text: address, field, problem, as errors have it."""

    url: str
    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.url}: {self.field}: {self.problem}"


def find_doubts(release: Release) -> list[Doubt]:
    """The fields that hold broken letters which could not be repaired, each once."""
    doubts = []
    for field in FIELDS:
        damage = next(filter(None, map(find_damage, texts_of(getattr(release, field)))), None)
        if damage:
            doubts.append(Doubt(release.url, field, f"holds broken letters: {damage!r}"))
    return doubts


def texts_of(value: Any) -> Iterator[str]:
    """The texts within a field's value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from texts_of(part)
    elif is_dataclass(value):  # a question, a picture and the like
        for part in fields(value):
            if part.name not in NO_WORDS:
                yield from texts_of(getattr(value, part.name))
