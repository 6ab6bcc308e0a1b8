"""A citation of one revision: what is cited, in a form each way of writing it draws on.

The permalink is /-/revision/<id>: it leads to the state as it stood, whatever the release says today. The hash is that
of the bytes it was read from, or where none are kept (an imported release) that of the state itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from archive.language import ZONE
from archive.search import Run
from archive.times import Month, parse_time

CITED = """
    select v.id, v.release, v.seen, v.cause, v.kind, v.title, v.published, v.updated, v.language, v.hash,
      r.url as url_now, r.revision as stands, r.agency, a.name, a.name_en,
      c.url as url_then, c.seen as captured, c.sha256
    from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
    left join captures c on c.id = v.capture where v.id = :revision
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """What a citation tells. Times are as the archive stores them; `permalink` and `url` are whole addresses."""

    revision: int
    release: int
    agency: str  # slug
    author: str  # the agency's name
    title: str
    kind: str | None
    published: str | None
    updated: str | None
    language: str | None
    url: str  # at the agency
    permalink: str
    seen: str  # when the archive read this state
    sha256: str
    of_bytes: bool  # whether the hash is of the bytes as they came, or of the state
    taken_over: bool  # from another collection, so that `seen` is when that was done
    stands: bool  # whether it is the state that stands now

    @property
    def key(self) -> str:
        """A short name for lists of references, the same whenever it is asked for."""
        return f"{self.agency}-{self.year or 'odaterad'}-{self.revision}"

    @property
    def year(self) -> str | None:
        """Of publication, as the agency tells it."""
        return self.published[:4] if self.published else None

    @property
    def accessed(self) -> date:
        """The day in Sweden on which the archive read it."""
        moment = parse_time(self.seen)
        assert isinstance(moment, datetime)  # noqa: S101 - our own note
        return moment.astimezone(ZONE).date()


def to_citation(row: Mapping[str, Any], permalink: str, lang: str) -> Citation:
    """A row of CITED as a citation."""
    author = row["name_en"] if lang == "en" and row["name_en"] else row["name"]
    own = ("release", "agency", "title", "kind", "published", "updated", "language")
    return Citation(
        **{name: row[name] for name in own},
        revision=row["id"],
        author=author,
        url=row["url_then"] or row["url_now"],
        permalink=permalink,
        seen=row["captured"] or row["seen"],
        sha256=row["sha256"] or row["hash"],
        of_bytes=row["sha256"] is not None,
        taken_over=row["cause"] == "import",
        stands=row["stands"] == row["id"],
    )


async def read_cited(run: Run, revision: int) -> Mapping[str, Any] | None:
    """The facts of a revision, if there is one."""
    rows = await run(CITED, {"revision": revision})
    return dict(rows[0]) if rows else None


def date_parts(text: str | None) -> list[int]:
    """A stored time as year, month and day of the agency's own clock, as far as they are told.

    >>> date_parts("2024-06-01T23:30:00+02:00"), date_parts("2024-06"), date_parts(None)
    ([2024, 6, 1], [2024, 6], [])
    """
    value = parse_time(text)
    if value is None:
        return []
    return [value.year, value.month] if isinstance(value, Month) else [value.year, value.month, value.day]
