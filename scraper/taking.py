"""Taking in what was kept aside: read anew from its bytes by the rules of today, with the time it was read at."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from archive.aside import QuarantinedPage, key_of
from archive.aside.sources import accept_links, begins_anew
from archive.aside.verdict import Collapse, find_collapses, part
from archive.errors import ArchiveError
from archive.store import Outcome
from archive.times import now
from scraper.errors import PageError
from scraper.items import Answer, Reading
from scraper.keeping import Keeping
from scraper.pages import read_page
from scraper.suspicion import Suspicion

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
