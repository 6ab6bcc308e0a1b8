"""Which fields a release tells, of those whose absence may mean that a page is misread."""

from __future__ import annotations

from collections.abc import Iterator

from archive.records import Release

FIELDS = ("title", "lead", "published", "updated", "tags", "questions")


def find_told(release: Release) -> Iterator[str]:
    """The names of the fields that are not empty."""
    return (name for name in FIELDS if getattr(release, name))
