"""From what was read to what is kept: ReleaseItem → Release → SQLite, one transaction a page."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit, urlunsplit

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from archive.records import Release
from archive.state import state_hash, to_state
from archive.store import Outcome
from scraper.causes import find_cause, reread
from scraper.errors import PageError
from scraper.items import Reading
from scraper.moves import Place, find_place
from scraper.normalise import to_release
from scraper.normalise.doubts import find_doubts

SHORTEST = 400  # characters of a text that may be taken for a release's new one

if TYPE_CHECKING:
    from archive.store import Archive
    from archive.writer import Held
    from scraper.spiders.reading import ReadingSpider
    from scraper.witness import Witness

logger = logging.getLogger(__name__)


class ArchivePipeline:
    """Saves a reading and settles its address in the frontier, both or neither."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def spider(self) -> ReadingSpider:
        """Whose agencies and counts these are."""
        return cast("ReadingSpider", self.crawler.spider)

    @property
    def archive(self) -> Archive:
        """Where releases are kept."""
        return self.spider.archive

    @property
    def witness(self) -> Witness:
        """Where the bytes are kept."""
        return self.spider.witness

    def process_item(self, reading: Reading) -> Reading:
        """Keep one reading; a field that cannot be read refuses the page and is counted."""
        tally, answer = self.spider.tallies[reading.item.agency or ""], reading.answer
        try:
            release = to_release(reading.item)
        except PageError as error:
            self.witness.unread(reading.visited, reading.held, answer.seen, str(error), refused=True)
            tally.refuse(str(error))
            raise DropItem(str(error)) from error
        place = find_place(self.archive, release, reading)
        if place.kind in ("redirected", "replaced") and self.is_away(release, place, reading):
            tally.count(Outcome.AWAY)
            raise DropItem(f"{reading.visited}: {place.kind}")
        release = replace(release, url=place.url)
        changed = place.kind in ("renamed", "parted") or self.archive.differs(release)
        sha256 = self.witness.keep_bytes(answer) if changed else None  # before anything points to them
        if not changed and (held := self.archive.held(release.url)):
            self.witness.note_design(held, answer)
        with self.archive.transaction():
            if place.kind == "renamed" and reading.held is not None:
                self.archive.removals.renamed(reading.held, answer.seen, place.url, status=answer.status)
            elif place.kind == "parted" and reading.held is not None and place.elsewhere:
                self.archive.readdress(reading.held, place.elsewhere, answer.seen)
            outcome = self.save(release, place, reading, sha256)
            self.settle(release, place, reading, changed=outcome is not Outcome.UNCHANGED)
        tally.count(outcome)
        if changed:  # else it was told when the state was kept
            for doubt in find_doubts(release):
                logger.warning("%s", doubt)
                tally.doubt(str(doubt))
        return reading

    def is_away(self, release: Release, place: Place, reading: Reading) -> bool:
        """Another text stands at a held release's address. False where that is the release's new text by now."""
        assert reading.held is not None  # noqa: S101 - only a held release can be away
        target = reading.answer.url if place.kind == "redirected" else release.title
        told = release.published or release.updated or release.kind
        credible = bool(told) and len(release.lead or "") + len(release.body) >= SHORTEST
        return self.witness.away(reading.visited, reading.held, reading.answer, place.kind, target, credible=credible)

    def save(self, release: Release, place: Place, reading: Reading, sha256: str | None) -> Outcome:
        """A first state, a new one with the reason it differs, or nothing but the outcome."""
        archive, answer, reader, cause = self.archive, reading.answer, reading.item.reader, "source"
        if sha256 is None or not archive.differs(release):
            return Outcome.UNCHANGED
        held = archive.held(release.url)
        follows = archive.last_of(reading.held) if held and place.kind == "joined" and reading.held else None
        if held and follows is None and held.reader != reader:
            again, _ = reread(held, self.witness.captures, release.url, self.spider.agencies[release.agency])
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
            cause = self.find_cause(before, release, place, reading)
        capture = self.witness.capture(answer, sha256)
        return archive.save(release, seen=answer.seen, cause=cause, capture=capture, reader=reader, follows=follows)

    def find_cause(self, before: Held, release: Release, place: Place, reading: Reading) -> str:
        """Why a state differs from the one before it."""
        state = to_state(release)
        if place.kind in ("renamed", "joined"):
            state = at_host(state, release.url, reading.visited)
            if state_hash(state) == before.hash:
                return "first" if place.kind == "joined" else "parser"  # only its address is another
        return find_cause(before.state, state, self.witness.bytes_of(before), reading.answer.body, release.url)

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
