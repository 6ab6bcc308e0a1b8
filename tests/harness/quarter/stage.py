"""The site with the agencies of the script and their earlier releases, and its list of agencies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from tests.harness.quarter.script import END, Part
from tests.site.agency import SampleAgency
from tests.site.compose import STOCKHOLM, compose
from tests.site.listing import sample_table, write_toml
from tests.site.releases import Release
from tests.site.server import Site

HOUR = time(9)  # of the day, when releases come out
SPARE = 12  # further releases of each agency


@dataclass(slots=True)
class Stage:
    """coming: of each agency, what is still to be published and when, the next one last.

    last: day of its newest.
    """

    site: Site
    file: Path  # agencies.toml
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    coming: dict[str, list[tuple[datetime, Release]]] = field(default_factory=dict)
    spare: dict[str, list[Release]] = field(default_factory=dict)
    last: dict[str, date] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        """Add an agency that has published nothing yet."""
        slug = part.slug
        agency = self.site.agencies[slug] = SampleAgency(slug, 0, None)
        agency.text = {**agency.text, "name": part.name}
        days = list(part.rhythm.days(slug, part.since, min(part.until, END)))
        releases = compose(slug, len(days) + SPARE)
        moments = [datetime.combine(day, HOUR, STOCKHOLM) for day in days]
        self.coming[slug] = list(zip(moments, releases, strict=False))[::-1]
        self.spare[slug] = releases[len(days) :]
        table = {
            key: value
            for key, value in sample_table(self.site, slug).items()
            if key not in part.without
        }
        self.tables[slug] = {**table, **part.table}

    def publish(self, until: datetime) -> None:
        """Publish everything that is due at a moment, with the time at which it was due."""
        for coming in self.coming.values():
            while coming and coming[-1][0] <= until:
                self.put_out(*coming.pop())

    def put_out(self, moment: datetime, release: Release) -> None:
        """Publish a release with a date."""
        self.site.set_clock(moment)
        self.site.publish(release)
        self.site.clock.fixed = None
        self.last[release.agency] = moment.date()

    def write_list(self, slug: str = "", **keys: object) -> None:
        """Write the current list of agencies, with keys of one agency changed."""
        if slug:
            self.tables[slug] |= keys
        self.file.write_text(write_toml(self.tables), encoding="utf-8")


def set_up(site: Site, parts: Iterable[Part], file: Path) -> Stage:
    """The agencies instead of the site's own four, and their list."""
    site.agencies.clear()
    stage = Stage(site, file)
    for part in parts:
        stage.add(part)
    stage.write_list()
    return stage
