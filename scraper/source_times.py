"""Times as feeds, sitemaps and listings write them beside their links."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, datetime
from time import struct_time

import feedparser


def feed_time(entry: feedparser.FeedParserDict) -> str | None:
    """When a feed's entry was changed, else published, as ISO 8601 in UTC."""
    # `in` first: where updated is absent, feedparser hands out published under its name, and warns
    return to_moment(entry["updated_parsed"] if "updated_parsed" in entry else entry.get("published_parsed"))


def published_time(entry: feedparser.FeedParserDict) -> str | None:
    """When a feed's entry was published, as ISO 8601 in UTC."""
    return to_moment(entry.get("published_parsed"))


def to_moment(parsed: struct_time | None) -> str | None:
    """A time of feedparser's as ISO 8601 in UTC; None for one that is none."""
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC).isoformat() if parsed else None
    except (ValueError, OverflowError):  # such as the year 0 or 9999, which some systems write for none
        return None


def to_utc(text: str | None) -> str | None:
    """A W3C date or time (sitemaps.org) as ISO 8601 in UTC; a day stays a day, anything else is None.

    >>> to_utc("2024-03-01T10:00:00+01:00")
    '2024-03-01T09:00:00+00:00'
    >>> to_utc("2024-03-01")
    '2024-03-01'
    """
    text = (text or "").strip()
    try:
        if len(text) == 10:
            return datetime.fromisoformat(text).date().isoformat()
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(microsecond=0).isoformat() if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
