"""Writes dates in the formats of agencies: HTML, and the values that it states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from tests.site import stamps_published, stamps_undated
from tests.site.releases import Stamp

Form = Callable[[datetime, datetime, tuple[str, ...]], Stamp]


def to_stamp(form: str, created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Write the dates of a release in a format, which is a function of stamps_published or
    stamps_undated.
    """
    way: Form | None = getattr(stamps_published, form, None) or getattr(stamps_undated, form, None)
    if way is None:
        raise ValueError(f"{form} is no way of writing dates")
    return replace(way(created, modified, tags), form=form)
