"""Formats without a day of publication: only a change, a review, a future day, or nothing."""

from __future__ import annotations

from datetime import datetime

from tests.site.releases import Stamp
from tests.site.swedish import MONTHS, box, day


def clock_first(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Senast uppdaterad: 10:57 - 18 maj, 2021."""
    month = MONTHS[modified.month - 1]
    text = f"Senast uppdaterad: {modified:%H:%M} - {modified.day} {month}, {modified.year}"
    return Stamp(
        form="", foot=box(text, "updated"), updated=modified.replace(second=0, microsecond=0)
    )


def print_only(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """A time of printing, which is no date of the release; only the update is stated."""
    top = f'<div class="print-only">Publicerad: {modified:%Y-%m-%d %H:%M}</div>'
    foot = box(f"Senast uppdaterad {modified:%Y-%m-%d}")
    return Stamp(form="", top=top, foot=foot, updated=modified.date())


def reviewed(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Senast granskad 2023-01-26, which is neither published nor updated."""
    return Stamp(form="", foot=box(f"Senast granskad {modified:%Y-%m-%d}"))


def reviewed_colon(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Senast granskad: 2017-05-09 Informationsansvarig: …"""
    text = (
        f"Senast granskad: {modified:%Y-%m-%d} <span>Informationsansvarig: Webbredaktionen</span>"
    )
    return Stamp(form="", foot=box(text))


def changed(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Senast ändrad: 08 december 2023."""
    return Stamp(
        form="", foot=box(f"Senast ändrad: {day(modified, zero=True)}"), updated=modified.date()
    )


def page_updated(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Sidan senast uppdaterad: 5 september 2014."""
    return Stamp(
        form="", foot=box(f"Sidan senast uppdaterad: {day(modified)}"), updated=modified.date()
    )


def undated(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """No date at all."""
    return Stamp(form="")


def next_time(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Nästa publicering: 2014-08-13, only a future date."""
    coming = modified.replace(year=modified.year + 1, day=1)
    return Stamp(form="", foot=box(f"Nästa publicering: {coming:%Y-%m-%d}"))
