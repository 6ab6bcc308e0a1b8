"""Settling which of a page's dates is the day it was published, and which the day it was updated."""

from __future__ import annotations

from collections.abc import Sequence

from scraper.pages.dates import Found, refines


def choose_date(*ranks: Sequence[Found]) -> Found | None:
    """One of several readings of the same field: the first of the highest rank that has one.

    A reading of another rank that agrees with it and tells more, seconds or a time of day, lends its precision.
    """
    readings = [found for rank in ranks for found in rank]
    first = next((found for found in readings if found.value is not None), None)
    if first is None:
        return readings[0] if readings else None  # present but unreadable: for to_release to refuse, not to hide
    return next((other for other in readings if refines(other.value, first.value)), first)
