"""Where a reading belongs: to the release its address held, to the same text elsewhere, or to none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archive.held import Held
from archive.joint import join_parts
from archive.joint.shingles import find_words, likeness, to_runs
from archive.records import Release
from archive.state import to_state
from archive.store import Archive
from scraper.items import Reading

RUN = 3  # words
DAY = len("2024-03-01")
SAME_TEXT = 0.5  # of all runs of two texts, the share both hold; a move may come with an edit
OTHER_TEXT = 0.1  # less than this, under another title, is another text
CERTAIN = 0.9  # as much, and it is the same text whatever else speaks against it


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a reading's address has come to mean.

    kind: stays, renamed (its release stands at another address now), joined (the same, and the archive holds
    a release of that address already), redirected or replaced (another text than the one that is held), parted
    (what is held of the address was read at another, `elsewhere`, that only called itself by it: there it belongs,
    or goes on as what is held there by now), twin (another page of a held release, which reads otherwise: a print
    version, or the release has been edited meanwhile).
    """

    kind: str
    url: str  # the release's address
    elsewhere: str | None = None


def find_place(archive: Archive, release: Release, reading: Reading) -> Place:
    """Where a reading belongs. Only an address that holds a release can have moved or been replaced."""
    own = archive.url_of(reading.held) if reading.held is not None else None
    held = archive.held(own) if own else None
    if own is None or held is None:
        free = is_free(archive, release, reading.visited)
        kind = "twin" if free and is_twin(archive, release, reading) else "stays"
        return Place(kind=kind, url=release.url if free else reading.visited)
    if release.url == own and is_twin(archive, release, reading):
        return Place(kind="twin", url=own)
    alike = similarity(held.state, to_state(release))
    redirected = reading.answer.url != reading.visited
    if release.url == reading.visited != own and not redirected and alike < CERTAIN:
        return Place(kind="stays", url=reading.visited)  # its release stands elsewhere, and the address is used anew
    if release.url == own == reading.visited and alike < SAME_TEXT:
        captured = archive.captured_at(held.capture)
        if captured and captured != own:
            return Place(kind="parted", url=own, elsewhere=captured)
    if (
        release.url != own
        and is_free(archive, release, reading.visited)
        and (redirected or not swings(archive, release, reading))
    ):
        if alike >= SAME_TEXT and may_be(archive, held, release.url, alike):
            known = archive.release_id(release.url) is not None
            return Place(kind="joined" if known else "renamed", url=release.url)
        if redirected:
            return Place(kind="redirected", url=own)
    elif release.url != own and redirected:
        return Place(kind="redirected", url=own)
    bare = held.cause == "import" and not held.state["body"]  # another collection kept no text to compare with
    if release.title != held.state["title"] and alike < OTHER_TEXT and not bare:
        return Place(kind="replaced", url=own)
    return Place(kind="stays", url=own)


def is_twin(archive: Archive, release: Release, reading: Reading) -> bool:
    """Whether a page calls itself by another's address, whose release stands there and reads otherwise.

    Not where it was led to that address: then it is that page.
    """
    key = archive.release_id(release.url)
    if key is None or release.url in (reading.visited, reading.answer.url):
        return False
    return archive.removals.stands(key) and archive.differs(release)


def may_be(archive: Archive, held: Held, url: str, alike: float) -> bool:
    """Whether what stands at an address can be a held release: not where that is one that stood beside it before."""
    other = archive.release_id(url)
    if other is None or alike >= CERTAIN:
        return True
    return archive.dates_of(other)[0] >= archive.last_checked(held.release)


def swings(archive: Archive, release: Release, reading: Reading) -> bool:
    """Whether a page calls itself by an address that the same release was known by already: two may name each other."""
    row = archive.frontier.get(release.url)
    return row is not None and row.release == reading.held


def is_free(archive: Archive, release: Release, visited: str) -> bool:
    """Whether a page may go by the address it calls canonical: a template's slip can give many pages the same.

    Not where that address is a source, nor where another text goes by it already, be it of the same title: what
    comes out every week has another date.
    """
    if release.url == visited:
        return True
    row = archive.frontier.get(release.url)
    if row and row.role != "release":
        return False
    held = archive.held(release.url)
    if held is None:
        return True
    alike = similarity(held.state, to_state(release))
    if held.state["title"] == release.title:
        return alike >= (CERTAIN if is_of_another_day(held.state, to_state(release)) else SAME_TEXT)
    return alike >= CERTAIN and not archive.frontier.shared(release.url, visited)


def is_of_another_day(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two states tell that they were published on different days."""
    days = [(state["published"] or "")[:DAY] for state in (one, other)]
    return all(len(day) == DAY for day in days) and days[0] != days[1]


def similarity(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How alike two states' texts are, 0 to 1, by the runs of words they share."""
    return likeness(*(find_runs(state) for state in (one, other)))


def find_runs(state: Mapping[str, Any]) -> frozenset[str]:
    """The runs of three words of title, lead and body; of a text shorter than that, its words."""
    words = find_words(join_parts(state["title"], state["lead"], state["body"]))
    return to_runs(words, RUN) or frozenset(words)
