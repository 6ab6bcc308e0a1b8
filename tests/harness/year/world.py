"""The state of the site during the year: the current address of each release, and what happened to
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from tests.harness.year.events import Event
from tests.site.releases import Release
from tests.site.server import Site

UNSEEN = ("agency", "path", "created", "modified", "stamp", "twin", "ruffled", "version", "form")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of a release from a moment on.

    release: what its page shows, or None while it is removed.
    """

    moment: datetime
    release: Release | None
    event: Event | None  # that caused this state; None: published before the year


@dataclass(slots=True)
class Subject:
    """One release through the year, whatever its address."""

    key: str
    release: Release  # as it is now, was last, or will be published
    urls: list[str] = field(default_factory=list)  # its addresses, the newest last
    record: list[Standing] = field(default_factory=list)

    @property
    def agency(self) -> str:
        return self.release.agency

    @property
    def url(self) -> str:
        return self.urls[-1]

    def at(self, moment: datetime) -> Standing | None:
        """Return its state at a moment, or None before it was published."""
        return next(
            (standing for standing in reversed(self.record) if standing.moment <= moment), None
        )


class World:
    """The site, its releases by key, and what has happened so far."""

    def __init__(self, site: Site, start: datetime, late: set[str]) -> None:
        self.site = site
        self.unknown: set[str] = set()  # hosts without a DNS entry now
        self.happened: list[Event] = []
        self.kept: dict[str, Any] = {}  # what an act needs to undo it
        self.subjects: dict[str, Subject] = {}
        for slug, agency in site.agencies.items():
            for number, release in enumerate(list(agency.releases.values())):
                subject = Subject(f"{slug}#{number}", release)
                self.subjects[subject.key] = subject
                url = site.url(slug, release.path)
                if subject.key in late:
                    site.withhold(url)
                else:
                    subject.urls.append(url)
                    subject.record.append(Standing(moment=start, release=release, event=None))

    def stands(self, key: str, event: Event, url: str | None = None) -> None:
        """Record that a release changed. url: its new address, if that changed too."""
        subject = self.subjects[key]
        if url and (not subject.urls or subject.url != url):
            subject.urls.append(url)
        subject.release = self.site.truth[subject.url]
        subject.record.append(Standing(moment=event.moment, release=subject.release, event=event))

    def away(self, key: str, event: Event) -> None:
        """Record that a release was removed."""
        self.subjects[key].record.append(Standing(moment=event.moment, release=None, event=event))


def words_of(release: Release) -> dict[str, object]:
    """Return the fields of a release that its page shows."""
    told: dict[str, object] = {
        f.name: getattr(release, f.name) for f in fields(release) if f.name not in UNSEEN
    }
    return told | {"published": release.published, "updated": release.updated}
