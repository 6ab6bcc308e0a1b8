"""A reading is kept: it belongs to a release, differs from what is held for a reason, or is put aside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from archive.aside import Aside, Reason
from archive.records import Release
from archive.state import state_hash, to_state
from archive.store import Archive, Outcome
from scraper.causes import find_cause, reread
from scraper.moves import Place, find_place
from scraper.normalise import to_release
from scraper.suspicion import Suspicion, tell

if TYPE_CHECKING:
    from archive.held import Held
    from scraper.agency import Agency
    from scraper.items import Answer, Reading
    from scraper.witness import Witness

SHORTEST = 400  # characters of a text that may be taken for a release's new one


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What came of a reading. reason: why it was put aside."""

    release: Release
    outcome: Outcome
    reason: tuple[Reason, ...] = ()


class Keeping:
    """Saves readings and settles their addresses in the frontier, both or neither."""

    def __init__(self, archive: Archive, witness: Witness, agencies: Mapping[str, Agency]) -> None:
        self.archive, self.witness, self.agencies = archive, witness, agencies
        self.aside = Aside(archive.db)

    def keep(
        self,
        reading: Reading,
        suspicion: Suspicion | None = None,
        *,
        crawl: int | None = None,
        capture: int | None = None,
        anew: bool = False,
    ) -> Kept:
        """Keep one reading; PageError where a field cannot be read.

        suspicion: what may put it aside (in that crawl); None: it is taken in as it is. capture: the note of its
        answer, where there is one already. anew: the site is known to be built otherwise than when it was read last.
        """
        answer = reading.answer
        release = to_release(reading.item)
        place = find_place(self.archive, release, reading)
        if place.kind in ("redirected", "replaced") and self.is_away(release, place, reading):
            return Kept(release=release, outcome=Outcome.AWAY)
        release = replace(release, url=place.url)
        if place.kind == "twin":
            self.note_twin(release, reading)
            return Kept(release=release, outcome=Outcome.UNCHANGED)
        changed = place.kind in ("renamed", "parted") or self.archive.differs(release)
        if changed and suspicion and (reason := suspicion.find_reason(release, reading)):
            if capture is None:  # else it is aside already
                self.put_aside(release, reading, reason, crawl)
            return Kept(release=release, outcome=Outcome.HELD_BACK, reason=tuple(reason))
        sha256 = self.witness.keep_bytes(answer) if changed else None  # before anything points to them
        if not changed and (held := self.archive.held(release.url)):
            self.witness.note_design(held, answer)
        with self.archive.transaction():
            if place.kind == "renamed" and reading.held is not None:
                self.archive.removals.renamed(reading.held, answer.seen, place.url, status=answer.status)
            elif place.kind == "parted" and reading.held is not None and place.elsewhere:
                self.give_back(reading.held, place.elsewhere, answer)
            anew = anew or (suspicion is not None and suspicion.is_anew(reading.held))
            outcome = self.save(release, place, reading, sha256, capture, anew=anew)
            self.settle(release, place, reading, changed=outcome is not Outcome.UNCHANGED)
        return Kept(release=release, outcome=outcome)

    def put_aside(self, release: Release, reading: Reading, reason: list[Reason], crawl: int | None) -> None:
        """Keep a reading beside what is held, and its address settled; a row for each that reads otherwise."""
        archive, answer = self.archive, reading.answer
        state: Mapping[str, Any] = to_state(release)
        if reading.held is not None:
            state = archive.rules.shown(reading.held, state)[0]
        known = self.aside.holds(reading.visited, state)
        sha256 = None if known else self.witness.keep_bytes(answer)
        with archive.transaction():
            if sha256:
                self.aside.put(
                    agency=release.agency,
                    crawl=crawl,
                    url=reading.visited,
                    release=reading.held,
                    seen=answer.seen,
                    state=state,
                    capture=self.witness.capture(answer, sha256),
                    reason=reason,
                )
            if reading.held is None:
                archive.frontier.aside(reading.visited, answer.seen, f"{reading.visited}: kept aside: {tell(reason)}")
            else:  # under the validators of what is held: what stands there now is not
                archive.frontier.held(reading.visited, reading.held, answer.seen)
                archive.postpone(reading.held, self.witness.due_again(reading.held, answer.seen))

    def note_twin(self, release: Release, reading: Reading) -> None:
        """An address leads to a held release, but reads otherwise: the release's own address is to be looked at."""
        key = self.archive.release_id(release.url)
        assert key is not None  # noqa: S101 - found to be held just now
        with self.archive.transaction():
            self.archive.frontier.held(reading.visited, key, reading.answer.seen)
            self.archive.postpone(key, reading.answer.seen)

    def give_back(self, held: int, url: str, answer: Answer) -> None:
        """A release leaves another page's address for the one it was read at, or goes on as what is held there."""
        known = self.archive.release_id(url)
        if known is None:
            self.archive.readdress(held, url, answer.seen)
        else:
            self.archive.removals.leave_address(held, url)
            self.witness.join(held, known, url, answer)

    def is_away(self, release: Release, place: Place, reading: Reading) -> bool:
        """Another text stands at a held release's address. False where that is the release's new text by now."""
        assert reading.held is not None  # noqa: S101 - only a held release can be away
        target = reading.answer.url if place.kind == "redirected" else release.title
        told = release.published or release.updated or release.kind
        credible = bool(told) and len(release.lead or "") + len(release.body) >= SHORTEST
        return self.witness.away(reading.visited, reading.held, reading.answer, place.kind, target, credible=credible)

    def save(
        self,
        release: Release,
        place: Place,
        reading: Reading,
        sha256: str | None,
        capture: int | None,
        *,
        anew: bool,
    ) -> Outcome:
        """A first state, a new one with the reason it differs, or nothing but the outcome."""
        archive, answer, reader, cause = self.archive, reading.answer, reading.item.reader, "source"
        if sha256 is None or not archive.differs(release):
            return Outcome.UNCHANGED
        held = archive.held(release.url)
        follows = archive.last_of(reading.held) if held and place.kind == "joined" and reading.held else None
        if held and follows is None and held.reader != reader:
            again, _ = reread(held, self.witness.captures, release.url, self.agencies[release.agency])
            if again is None:
                cause = "parser"  # by other rules, and what they would make of today's bytes cannot be told
            elif archive.differs(again):  # what differs from today's rules' reading is the agency's doing
                archive.save(again, seen=answer.seen, cause="parser", capture=held.capture, reader=reader)
                if not archive.differs(release):
                    return Outcome.REREAD
                held = archive.held(release.url) or held
        before = follows or held
        if before and before.cause == "import":
            cause = "parser"  # another collection's copy may differ by its own doing: what we read first is no edit
        elif before and cause == "source":
            cause = self.find_cause(before, release, place, reading, anew=anew)
        if capture is None:
            capture = self.witness.capture(answer, sha256)
        return archive.save(release, seen=answer.seen, cause=cause, capture=capture, reader=reader, follows=follows)

    def find_cause(self, before: Held, release: Release, place: Place, reading: Reading, *, anew: bool) -> str:
        """Why a state differs from the one before it."""
        state = to_state(release)
        if place.kind in ("renamed", "joined"):
            state = at_host(state, release.url, reading.visited)
            if state_hash(state) == before.hash:
                return "first" if place.kind == "joined" else "parser"  # only its address is another
        old, new = self.witness.bytes_of(before), reading.answer.body
        moved = place.kind in ("renamed", "joined")
        return find_cause(before.state, state, old, new, release.url, anew=anew, moved=moved)

    def settle(self, release: Release, place: Place, reading: Reading, *, changed: bool) -> None:
        """The frontier's rows of a kept reading, its next check, and the joining of what moved."""
        archive, answer = self.archive, reading.answer
        key = archive.release_id(release.url)
        assert key is not None  # noqa: S101 - saved a line above
        if place.kind == "joined" and reading.held is not None:
            self.witness.join(reading.held, key, release.url, answer)
        if release.url != reading.visited:  # a twin: the canonical address is settled by the same reading
            archive.frontier.add(release.url, agency=release.agency, role="release", seen=answer.seen)
            archive.frontier.held(release.url, key, answer.seen)
        told = {"etag": answer.headers.get("etag"), "last_modified": answer.headers.get("last-modified")}
        archive.frontier.read(reading.visited, key, answer.seen, **told)
        self.witness.stands(key, answer.seen, changed=changed)


def at_host(state: dict[str, Any], url: str, host_of: str) -> dict[str, Any]:
    """A state as it would read if the addresses of its own host were those of another address's host."""
    new, old = (urlunsplit((*urlsplit(address)[:2], "", "", "")) for address in (url, host_of))
    text: dict[str, Any] = json.loads(json.dumps(state).replace(new, old))
    return text
