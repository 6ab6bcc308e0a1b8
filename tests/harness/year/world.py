"""The site in its year: which release stands where, and the record of what happened to each."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from tests.harness.year.events import Event
from tests.site import Release, Site

UNSEEN = ("agency", "path", "created", "modified", "stamp", "twin", "ruffled", "version", "form")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a release stood from a moment on: what its page said, or None where it was away."""

    moment: datetime
    release: Release | None
    event: Event | None  # what brought it about


@dataclass(slots=True)
class Subject:
    """One release through the year, whatever its address."""

    key: str
    release: Release  # as it stands, stood last, or will be published
    urls: list[str] = field(default_factory=list)  # its addresses, the newest last
    record: list[Standing] = field(default_factory=list)

    @property
    def agency(self) -> str:
        return self.release.agency

    @property
    def url(self) -> str:
        return self.urls[-1]

    def at(self, moment: datetime) -> Standing | None:
        """How it stood at a moment; None before it was published."""
        return next((standing for standing in reversed(self.record) if standing.moment <= moment), None)


class World:
    """The site, its releases by key, and what has happened so far."""

    def __init__(self, site: Site, start: datetime, late: set[str]) -> None:
        self.site = site
        self.unknown: set[str] = set()  # hosts that no name server knows at present
        self.happened: list[Event] = []
        self.kept: dict[str, Any] = {}  # what an act needs to be undone
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
        """Note that a release stands changed, perhaps at another address."""
        subject = self.subjects[key]
        if url and (not subject.urls or subject.url != url):
            subject.urls.append(url)
        subject.release = self.site.truth[subject.url]
        subject.record.append(Standing(moment=event.moment, release=subject.release, event=event))

    def away(self, key: str, event: Event) -> None:
        """Note that a release is away."""
        self.subjects[key].record.append(Standing(moment=event.moment, release=None, event=event))


def words_of(release: Release) -> dict[str, object]:
    """What of a release a reader of its page can tell from another state of it."""
    told: dict[str, object] = {f.name: getattr(release, f.name) for f in fields(release) if f.name not in UNSEEN}
    return told | {"published": release.published, "updated": release.updated}
