"""The state of the site during the year: the current address of each release, what happened to it,
and what the events of the plan do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from tests.harness.world.simulation import CAPTCHA
from tests.harness.year.edits import edit
from tests.harness.year.events import Event
from tests.site.releases import Release
from tests.site.server import Site
from tests.site.swedish import box, day

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

    def carry_out(self, event: Event) -> None:
        """Carry out an event at the site's current time."""
        getattr(self, event.act)(event)
        self.happened.append(event)

    def publish(self, event: Event) -> None:
        """Publish a release that was withheld so far."""
        url = self.site.publish(self.subjects[event.subject].release)
        self.stands(event.subject, event, url)

    def change(self, event: Event) -> None:
        """Edit a text: with an update date or not, with a new ETag or not.

        `undo` restores the previous text.
        """
        subject, how = self.subjects[event.subject], event.given
        held = subject.release
        if how.get("undo"):
            changes = self.kept.pop(event.subject)
            if "questions" in changes:
                changes["questions"] = [[qa.question, *qa.answer] for qa in changes["questions"]]
        else:
            changes = edit(held, how["how"], seed=f"{event.subject} {event.moment}")
            self.kept[event.subject] = {name: getattr(held, name) for name in changes}
        if how.get("first_stamp"):
            now = self.site.now()
            foot = held.stamp.foot + box(f"Senast uppdaterad {day(now)}")
            changes = {**changes, "stamp": replace(held.stamp, foot=foot, updated=now.date())}
        self.site.edit(
            subject.url, changes, stamped=how.get("stamped", False), noted=how.get("noted", True)
        )
        self.stands(event.subject, event)

    def ruffle(self, event: Event) -> None:
        """Change only the markup."""
        self.site.ruffle(self.subjects[event.subject].url)
        self.stands(event.subject, event)

    def delete(self, event: Event) -> None:
        """Remove a release.

        to: where its address redirects: "/", "listing" or another release's key.
        """
        subject, given = self.subjects[event.subject], dict(event.given)
        to = given.get("to")
        if to == "listing":
            given["to"] = self.site.agencies[subject.agency].paths.listing
        elif to in self.subjects:
            given["to"] = self.subjects[to].release.path
        self.kept[event.subject] = self.site.delete(subject.url, **given)
        self.away(event.subject, event)

    def restore(self, event: Event) -> None:
        """Restore a removed release."""
        self.site.restore(self.kept.pop(event.subject))
        self.stands(event.subject, event)

    def move(self, event: Event) -> None:
        """Move a release to another address. how: also edit it."""
        subject, given = self.subjects[event.subject], dict(event.given)
        how = given.pop("how", None)
        if how:
            self.site.edit(subject.url, edit(subject.release, how, seed=event.subject))
        folder, _, last = subject.release.path.rstrip("/").rpartition("/")
        ending = "/" if subject.release.path.endswith("/") else ""
        url = self.site.move(subject.url, f"{folder}/arkiverad-{last}{ending}", **given)
        self.stands(event.subject, event, url)

    def redesign(self, event: Event) -> None:
        """Give an agency's pages another layout, or another content management system."""
        if "design" in event.given:
            self.site.redesign(event.subject, event.given["design"])
        else:
            self.site.relayout(event.subject)

    def break_(self, event: Event) -> None:
        """Begin an outage of an agency's site."""
        sort, site = event.given["sort"], self.site
        every, robots = f"{event.subject}/*", f"{event.subject}/robots.txt"
        if sort == "no name":
            self.unknown.add(f"{event.subject}.localhost")
        elif sort == "robots no":
            site.forbid(event.subject)
        elif sort == "robots 503":
            site.break_(robots, status=503)
        elif sort == "reset":
            site.break_(every, reset=True)
        elif sort == "captcha":
            site.break_(every, body=CAPTCHA)
        elif sort == "403":
            site.break_(every, status=403, body=CAPTCHA)
        else:
            site.break_(every, status=int(sort), headers={"Retry-After": "3600"})

    def mend(self, event: Event) -> None:
        """End an outage."""
        self.unknown.discard(f"{event.subject}.localhost")
        self.site.forbid(event.subject, ())
        for path in ("*", "robots.txt"):
            self.site.mend(f"{event.subject}/{path}")

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
