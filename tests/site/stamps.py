"""Writes dates in the formats of agencies (`stamps.toml`): HTML, and the values that it states."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from pathlib import Path

from markupsafe import escape

from tests.site.releases import Stamp
from tests.site.swedish import MONTHS, day

FORMS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
ENGLISH_MONTHS = (
    "January February March April May June July August September October November December"
)


def to_stamp(form: str, created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Write the dates of a release in a format."""
    if form not in FORMS:
        raise ValueError(f"{form} is no way of writing dates")
    table = FORMS[form]
    last = modified if modified.year == created.year else created
    month = MONTHS[created.month - 1]
    values = {
        "c": created,
        "m": modified,
        "last": last,
        "c_day": day(created),
        "c_day0": day(created, zero=True),
        "m_day": day(modified),
        "m_day0": day(modified, zero=True),
        "month": month,
        "mon": month[:3],
        "Mon": month[:3].capitalize(),
        "m_month": MONTHS[modified.month - 1],
        "last_month": MONTHS[last.month - 1],
        "english": ENGLISH_MONTHS.split()[created.month - 1],
        "zone": created.tzname() or "",
        "tags": escape(", ".join(tag.upper() for tag in tags)),
        "next_year": modified.year + 1,
    }
    changed = last if table.get("updated_in_the_same_year") else modified
    return Stamp(
        form=form,
        top=table.get("top", "").format_map(values),
        foot=table.get("foot", "").format_map(values),
        published=_state(created, table.get("published")),
        updated=_state(changed, table.get("updated")),
    )


def _state(moment: datetime, precision: str | None) -> datetime | date | None:
    if precision == "day":
        return moment.date()
    if precision == "minute":
        return moment.replace(second=0, microsecond=0)
    return moment if precision else None
