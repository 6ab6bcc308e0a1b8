"""Ingest.save(page): match, quarantine check, cause of change, store, reschedule; release from quarantine.

Where a reading belongs: to the release its address held, to the same text elsewhere, or to none.

A reading is kept: it belongs to a release, differs from what is held for a reason, or is put aside.

When a held release is looked at again: the older it is, the more seldom.

Taking in what was kept aside: read anew from its bytes by the rules of today, with the time it was read at.

What a look at an address comes to: its release stands, reads otherwise, or is away; with the bytes that show it.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from archive.captures import Captures, evident_headers
from archive.database import ArchiveError
from archive.dates import now
from archive.duplicates import find_words, join_parts, likeness, to_runs
from archive.merge import find_elsewhere, find_ends, join
from archive.models import Capture, Release, state_hash, to_state
from archive.quarantine import (
    Aside,
    Collapse,
    QuarantinedPage,
    Reason,
    accept_links,
    begins_anew,
    find_collapses,
    key_of,
    part,
)
from archive.store import Archive, Held, Outcome
from scraper.errors import AgencyError, PageError
from scraper.items import Answer, Reading
from scraper.normalise import to_release
from scraper.pages import read_page
from scraper.quarantine import Suspicion, tell
from scraper.redesign import find_cause, is_redesign, read_bytes, reread

if TYPE_CHECKING:
    from scraper.agency import Agency


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


UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
RULE = re.compile(r"(?:<(\d+)([hd])|else)=(\d+)([hd])")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Ages and the time between two checks up to each; `rest` is for all that is older."""

    steps: tuple[tuple[timedelta, timedelta], ...]
    rest: timedelta

    def next_check(self, seen: datetime, first_seen: str, *told: str | None) -> datetime:
        """When a release looked at `seen` is due again: by the latest date it tells, else by when it was found."""
        dates = [moment for moment in map(to_moment, filter(None, told)) if moment <= seen]
        age = seen - (max(dates) if dates else to_moment(first_seen))
        return seen + next((wait for up_to, wait in self.steps if age < up_to), self.rest)


def to_moment(text: str) -> datetime:
    """A time as the archive writes it; a day or a month counts from its beginning, in UTC."""
    value = datetime.fromisoformat(text if len(text) > 7 else f"{text}-01")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def parse_schedule(text: str) -> Schedule:
    """The setting REVISIT_AGES; AgencyError where it cannot be read.

    >>> parse_schedule("<2d=1h, <14d=1d, else=30d").rest
    datetime.timedelta(days=30)
    """
    steps, rest = [], None
    for rule in text.split(","):
        match = RULE.fullmatch("".join(rule.split()))
        if not match or not int(match[3]):
            raise AgencyError("settings", None, "REVISIT_AGES", f"{rule.strip()!r} is no rule like <14d=1d or else=30d")
        wait = int(match[3]) * UNITS[match[4]]
        if match[1]:
            steps.append((int(match[1]) * UNITS[match[2]], wait))
        else:
            rest = wait
    if rest is None:
        raise AgencyError("settings", None, "REVISIT_AGES", "ends without a rule else=…")
    return Schedule(tuple(sorted(steps)), rest)


logger = logging.getLogger(__name__)


def give_verdict(keeping: Keeping, agency: str) -> tuple[list[Collapse], Counter[Outcome]]:
    """Judge what an agency's crawls kept aside: what is no collapse is taken in as the releases and edits it is.

    Gives what collapsed, and what came of each of those that are not aside any more.
    """
    archive, aside = keeping.archive, keeping.aside
    waiting = supersede(keeping, aside.waiting(agency))
    if all(kept.decision for kept in waiting):
        return [], Counter()
    collapses = find_collapses(archive.db, agency, now())
    outcomes: Counter[Outcome] = Counter()
    for kept, collapsed in part(waiting, collapses):
        if collapsed:
            with archive.transaction():
                aside.judge(kept.id)
        else:
            outcomes[take_in(keeping, kept, "genuine")] += 1
    return collapses, outcomes


def supersede(keeping: Keeping, waiting: Iterable[QuarantinedPage]) -> list[QuarantinedPage]:
    """What still waits: what was read whole, or found as held, since it was kept aside does not."""
    left = []
    for kept in waiting:
        if keeping.aside.was_read_since(kept):
            with keeping.archive.transaction():
                keeping.aside.decide(kept.id, "superseded", now())
        else:
            left.append(kept)
    return left


def take_in(keeping: Keeping, kept: QuarantinedPage, decision: str, suspicion: Suspicion | None = None) -> Outcome:
    """Take in one reading.

    Outcome.HELD_BACK where it stays aside: its page cannot be read any more, or is `suspicion`'s again.
    """
    reading = read_anew(keeping, kept)
    if reading is None:
        return Outcome.HELD_BACK
    with keeping.archive.transaction():  # the release and the row that waited: both or neither
        try:
            done = keeping.keep(reading, suspicion, capture=kept.capture, anew=kept.decision == "aside")
        except PageError as error:
            logger.warning("%s", error)
            return Outcome.HELD_BACK
        if done.outcome is not Outcome.HELD_BACK:
            keeping.aside.decide(kept.id, decision, now())
            accept_sources(keeping, kept, by_hand=decision == "taken")
    return done.outcome


def read_anew(keeping: Keeping, kept: QuarantinedPage) -> Reading | None:
    """The reading as today's rules give it from the bytes; None where they cannot."""
    agency, captures = keeping.agencies[kept.agency], keeping.witness.captures
    row = keeping.aside.capture_of(kept)
    if row is None:
        logger.warning("%s: is kept aside without the bytes it was read from", kept.url)
        return None
    try:
        body = captures.read(row.sha256)
        item = read_page(body, row.url, agency)
    except (PageError, ArchiveError) as error:
        logger.warning("%s: stays aside: %s", kept.url, error)
        return None
    answer = Answer(url=row.url, seen=row.seen, status=row.status, headers=row.headers, body=body)
    known = keeping.archive.frontier.get(kept.url)
    return Reading(item=item, visited=kept.url, held=known.release if known else kept.release, answer=answer)


def accept_sources(keeping: Keeping, kept: QuarantinedPage, *, by_hand: bool) -> None:
    """A source whose release somebody takes in lists as many as it does rightly; else, one that was begun anew."""
    for reason in kept.reason:
        if "source" in reason and (by_hand or begins_anew(keeping.archive.db, key_of(reason), kept.url)):
            accept_links(keeping.archive.db, key_of(reason))


def drop(keeping: Keeping, kept: QuarantinedPage) -> None:
    """Leave out one reading for good; the row and its bytes stay."""
    with keeping.archive.transaction():
        keeping.aside.decide(kept.id, "dropped", now())


def read_mended(keeping: Keeping, agency: str) -> Counter[Outcome]:
    """Take in what today's rules read whole of an agency's; gives what came of each."""
    suspicion = Suspicion(keeping.archive, keeping.witness, agency)
    outcomes: Counter[Outcome] = Counter()
    for kept in supersede(keeping, keeping.aside.waiting(agency)):
        outcomes[take_in(keeping, kept, "reparsed", suspicion)] += 1
    return outcomes


FIRST_WAIT = timedelta(hours=1)  # before a held release that was not answered is asked for again; doubled each time
LONGEST_WAIT = timedelta(days=1)
ELSEWHERE = 0.9  # how alike a text must be to be the one that vanished


class Witness:
    """The archive and the bytes beside it, as the spiders and the pipeline use them."""

    def __init__(self, archive: Archive, schedule: Schedule) -> None:
        self.archive, self.schedule = archive, schedule
        self.captures = Captures(Path(archive.path))

    def close(self) -> None:
        """Close captures.db; the archive is closed by whoever opened it."""
        self.captures.close()

    def keep_bytes(self, answer: Answer) -> str:
        """Put an answer's bytes into captures.db, before archive.db points to them; gives their SHA-256."""
        return self.captures.keep(answer.body, urlsplit(answer.url).netloc)

    def capture(self, answer: Answer, sha256: str) -> int:
        """Note an answer whose bytes are kept; gives its id."""
        return self.archive.add_capture(
            Capture(
                url=answer.url,
                seen=answer.seen,
                status=answer.status,
                headers=evident_headers(answer.headers),
                sha256=sha256,
                bytes=len(answer.body),
            )
        )

    def stands(self, release: int, seen: datetime, *, changed: bool = False) -> None:
        """The release stands at its address, as held or newly read; when it is due again goes by its age."""
        self.archive.removals.present(release, seen)
        if changed:
            self.archive.postpone(release, self.due_again(release, seen))
        else:
            self.stood(release, seen)

    def stood(self, release: int, seen: datetime) -> None:
        """The release, which was not in doubt, stands as held: a statement of its own."""
        self.archive.checked(release, seen, self.due_again(release, seen))

    def due_again(self, release: int, seen: datetime) -> datetime:
        """When a release is to be looked at again."""
        return self.schedule.next_check(seen, *self.archive.dates_of(release))

    def away(
        self,
        url: str,
        release: int,
        answer: Answer,
        kind: str,
        target: str | None = None,
        *,
        credible: bool = False,
    ) -> bool:
        """Something else stands at a held release's address (a kind of removal): noted, with its capture.

        False where an altogether other text (`replaced`), one that is credible as a release, has stood there so
        long, and there alone, that it is the release's new text. A text that vanished and stands at another of
        the agency's addresses has moved.
        """
        archive, seen = self.archive, answer.seen
        sha256 = None if archive.removals.in_doubt(release) else self.keep_bytes(answer)
        with archive.transaction():
            confirmed = archive.removals.absent(
                release,
                seen,
                kind,
                status=answer.status,
                target=target,
                capture=self.capture(answer, sha256) if sha256 else None,
            )
            alone = credible and not archive.removals.shared(release, target)
            if confirmed and kind == "replaced" and alone:
                archive.removals.withdraw(release)
                return False
            archive.frontier.gone(url, seen, f"{url}: {kind}" + (f": {target}" if target else ""))
            lost = confirmed and kind in ("gone", "error page")
            if lost and (elsewhere := find_elsewhere(archive, release, likeness=ELSEWHERE)):
                self.join(release, *elsewhere, answer)
        return True

    def join(self, release: int, to: int, url: str, answer: Answer) -> None:
        """A release was found to stand at `url` as another that is held; what differs may be the design's doing."""
        cause, ends = "source", find_ends(self.archive, release, to)
        if ends and (new := read_bytes(self.captures, ends[1].sha256)):
            before, after = ends
            cause = find_cause(before.state, after.state, self.bytes_of(before), new, url, moved=True)
        join(self.archive, release, to, answer.seen, url, cause=cause, status=answer.status)

    def bytes_of(self, held: Held) -> bytes | None:
        """The newest bytes kept of a held release's page; None where none are, or where they are damaged."""
        return read_bytes(self.captures, held.newest or held.sha256)

    def note_design(self, held: Held, answer: Answer) -> None:
        """A release stands unchanged: keep the answer all the same where the page's design is new."""
        old = self.bytes_of(held)
        if old is not None and is_redesign(old, answer.body, answer.url):
            sha256 = self.keep_bytes(answer)
            with self.archive.transaction():
                self.archive.note_design(held.release, self.capture(answer, sha256))

    def unread(self, url: str, release: int | None, seen: datetime, problem: str, *, refused: bool) -> None:
        """An address did not answer, or with what is neither a release nor a removal. A held release is not
        touched, but asked for again before long."""
        with self.archive.transaction():
            settle = self.archive.frontier.refused if refused else self.archive.frontier.failed
            settle(url, seen, problem)
            if release is not None:
                row = self.archive.frontier.get(url)
                wait = min(FIRST_WAIT * 2 ** min(row.tries if row else 0, 10), LONGEST_WAIT)
                self.archive.postpone(release, seen + wait)
