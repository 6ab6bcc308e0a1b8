"""Combines what happened on the site with its request log, to find what an archive must have
recorded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from urllib.parse import urlsplit

from tests.harness.year.events import DESIGNS, EDITS, MOVES, Event
from tests.harness.year.world import Standing, Subject, World, words_of
from tests.site.knobs import Asked
from tests.site.releases import Release

TOUCHING = {*EDITS, "moved edit"}  # kinds of events that touch a release's page


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A response that a crawler got at an address of a release, unless the site was broken."""

    moment: datetime
    path: str
    status: int
    standing: Standing

    @property
    def reads(self) -> bool:
        """Return whether the response was the release's page, or 304."""
        return self.status in (200, 304) and self.standing.release is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Two successive readings of a release, and the edits between them."""

    subject: Subject
    before: Look
    after: Look
    edits: tuple[Event, ...]
    design: str | None  # kind of redesign of its agency between them

    @property
    def old(self) -> Release:
        assert self.before.standing.release
        return self.before.standing.release

    @property
    def new(self) -> Release:
        assert self.after.standing.release
        return self.after.standing.release

    @property
    def differs(self) -> bool:
        """Return whether the page shows something else than before."""
        return words_of(self.old) != words_of(self.new)


class History:
    """The requests and readings of every release."""

    def __init__(self, world: World, log: list[Asked]) -> None:
        self.world = world
        self.log = log
        self.designs = [event for event in world.happened if event.kind in DESIGNS]
        self.owner: dict[tuple[str, str], Subject] = {}
        for subject in world.subjects.values():
            for url in subject.urls:
                self.owner[urlsplit(url).hostname or "", urlsplit(url).path] = subject
        self.looks: dict[str, list[Look]] = defaultdict(list)
        for asked in log:
            path = asked.path.partition("?")[0]
            owner = self.owner.get((asked.host, path))
            standing = owner.at(asked.moment) if owner else None
            if owner and standing and not asked.fault and asked.status:
                look = Look(moment=asked.moment, path=path, status=asked.status, standing=standing)
                self.looks[owner.key].append(look)

    def readings(self, key: str) -> list[Look]:
        """Return the responses that showed the release."""
        return [look for look in self.looks[key] if look.reads]

    def steps(self) -> Iterator[Step]:
        """Yield each pair of successive readings of every release."""
        for subject in self.world.subjects.values():
            edits = [s.event for s in subject.record if s.event and s.event.kind in TOUCHING]
            readings = self.readings(subject.key)
            for before, after in pairwise(readings):
                between = tuple(
                    event for event in edits if before.moment < event.moment <= after.moment
                )
                design = self.redesigned(subject.agency, before.moment, after.moment)
                yield Step(
                    subject=subject, before=before, after=after, edits=between, design=design
                )

    def redesigned(self, agency: str, since: datetime, until: datetime) -> str | None:
        """Return the kind of an agency's redesign between two moments, or None."""
        kinds = (
            event.kind
            for event in self.designs
            if event.subject == agency and since < event.moment <= until
        )
        return next(kinds, None)

    def moved(self, subject: Subject) -> list[Event]:
        """Return the moves of a release, in order."""
        return [s.event for s in subject.record if s.event and s.event.kind in MOVES]

    def down(self, agency: str) -> Iterator[tuple[str, datetime, datetime]]:
        """Yield the sort, beginning and end of each outage of an agency."""
        begun: dict[str, Event] = {}
        for event in self.world.happened:
            if event.subject != agency:
                continue
            if event.act == "break_":
                begun[event.kind] = event
            elif event.act == "mend":
                yield event.kind, begun.pop(event.kind).moment, event.moment
