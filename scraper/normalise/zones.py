"""Which clock a host's naive times follow, and times that exist on that clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from scraper.normalise.urls import host_of

STOCKHOLM = "Europe/Stockholm"
COUNTRY_ZONES = {
    "se": STOCKHOLM,
    "fi": "Europe/Helsinki",
    "ax": "Europe/Mariehamn",
    "no": "Europe/Oslo",
    "dk": "Europe/Copenhagen",
    "is": "Atlantic/Reykjavik",
    "de": "Europe/Berlin",
    "at": "Europe/Vienna",
    "ch": "Europe/Zurich",
    "nl": "Europe/Amsterdam",
    "be": "Europe/Brussels",
    "fr": "Europe/Paris",
    "es": "Europe/Madrid",
    "it": "Europe/Rome",
    "uk": "Europe/London",
    "ie": "Europe/Dublin",
    "ee": "Europe/Tallinn",
    "lv": "Europe/Riga",
    "lt": "Europe/Vilnius",
    "pl": "Europe/Warsaw",
    "jp": "Asia/Tokyo",
}
NAMED = {
    **dict.fromkeys(("Z", "UTC", "GMT", "WET"), 0),
    **dict.fromkeys(("CET", "MEZ", "WEST", "BST"), 1),
    **dict.fromkeys(("CEST", "MESZ", "EET"), 2),
    "EEST": 3,
    "EDT": -4,
    **dict.fromkeys(("EST", "CDT"), -5),
    **dict.fromkeys(("CST", "MDT"), -6),
    **dict.fromkeys(("MST", "PDT"), -7),
    "PST": -8,
}


@cache
def zone_of(host: str) -> ZoneInfo | None:
    """The clock of a host's country, told from its last label; None where it names no country."""
    name = COUNTRY_ZONES.get(host.rpartition(".")[2])
    return ZoneInfo(name) if name else None


def place(naive: datetime, offset: str | None, url: str, clock: str | None = None) -> datetime:
    """A clock reading as a moment: by its own offset where it names one, else by the clock named or the host's.

    A host without a country keeps the offset it wrote (Stockholm's zone where the two agree) and lends
    Stockholm's clock to readings without one. ValueError for a reading the clock skips in spring.
    """
    zone = ZoneInfo(clock) if clock else zone_of(host_of(url))
    if offset:
        moment = naive.replace(tzinfo=parse_offset(offset))
        return moment.astimezone(zone) if zone else in_stockholm_if_same(moment)
    moment = naive.replace(tzinfo=zone or ZoneInfo(STOCKHOLM))
    # zoneinfo accepts readings in the gap; only there does the way through UTC come back changed.
    if moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != naive:
        raise ValueError(f"{naive:%Y-%m-%d %H:%M} never showed on the clocks of {moment.tzinfo}")
    return moment


def parse_offset(text: str) -> tzinfo:
    """'CET', 'Z', '+02:00' or '+0200' as a fixed offset."""
    hours = NAMED.get(text.upper())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] in "-−" else offset)


def in_stockholm_if_same(moment: datetime) -> datetime:
    """The moment on Stockholm's clock where that shows the same reading, else as it is."""
    local = moment.astimezone(ZoneInfo(STOCKHOLM))
    return local if local.utcoffset() == moment.utcoffset() else moment
