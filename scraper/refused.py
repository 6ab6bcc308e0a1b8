"""Takes in refused pages (archive.refused) that today's rules can read, with the time they were fetched.

The pages of an agency are read in the order they were fetched, and each goes the way of a page in a crawl: it is
matched, checked, quarantined or stored, as an edit or a redesign. What still cannot be read stays refused.
"""

from __future__ import annotations

import logging
from collections import Counter

from archive.database import ArchiveError
from archive.refused import RefusedPage
from archive.store import SaveResult
from scraper.agency import is_wire_url
from scraper.errors import NotARelease, PageError
from scraper.ingest import Ingest, parse_response
from scraper.matching import is_other_address
from scraper.parsed_page import FetchedPage, ParsedPage
from scraper.quarantine import QuarantineCheck

logger = logging.getLogger(__name__)

STILL_REFUSED = "still refused"


def take_in_refused(ingest: Ingest, agency: str) -> Counter[str]:
    """Store an agency's refused pages that can be read now.

    Returns the number of pages by outcome: the value of a SaveResult, or STILL_REFUSED.
    """
    checks = {on_wire: QuarantineCheck(ingest.archive, agency, on_wire) for on_wire in (False, True)}
    counts: Counter[str] = Counter()
    for page in ingest.recorder.refused.list_pages(agency):
        parsed = parse_refused(ingest, page)
        counts[save_refused(ingest, page, parsed, checks) if parsed else STILL_REFUSED] += 1
    return counts


def parse_refused(ingest: Ingest, page: RefusedPage) -> ParsedPage | None:
    """Return a page as read by today's rules; log the problem and return None if that fails."""
    row, capture = ingest.archive.frontier.get(page.url), page.capture
    if row is None:
        return None
    is_other = is_other_address(ingest.archive, page.url, row.release_id)
    try:
        response = FetchedPage(
            url=capture.url,
            fetched_at=capture.seen,
            status=capture.status,
            headers=capture.headers,
            body=ingest.recorder.refused.read(capture.sha256),
            record_url=page.record_url,
        )
        release_id = None if is_other else row.release_id
        return parse_response(response, page.url, release_id, ingest.agencies[row.agency])
    except (PageError, ArchiveError) as error:
        logger.info("%s: stays refused: %s", page.url, error)
    except Exception:  # the reason why it was refused may be an error in our own code
        logger.exception("%s: stays refused: our own code failed on it", page.url)
    return None


def save_refused(ingest: Ingest, page: RefusedPage, parsed: ParsedPage, checks: dict[bool, QuarantineCheck]) -> str:
    """Store a page that can be read, and delete it from the refused ones; return the outcome."""
    archive, release_id, seen_at = ingest.archive, parsed.release_id, page.capture.seen
    try:
        with archive.transaction():
            if release_id is not None:
                archive.removals.discard_begun_at(release_id, seen_at)
            outcome = ingest.save(parsed, checks[is_wire_url(page.url)]).outcome
            if outcome is SaveResult.MISSING:  # the removal was recorded when the page was fetched
                raise NotARelease(page.url, "does not show the stored release")
    except PageError as error:
        logger.info("%s: stays refused: %s", page.url, error)
        return STILL_REFUSED
    ingest.recorder.refused.delete(page.id)
    return str(outcome.value)
