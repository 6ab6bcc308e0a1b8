"""What a look at an address comes to: its release stands, reads otherwise, or is away; with the bytes that show it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from archive.captures import Captures, evident_headers
from archive.held import Held
from archive.moves import find_elsewhere, find_ends, join
from archive.records import Capture
from archive.store import Archive
from scraper.causes import find_cause, read_bytes
from scraper.items import Answer
from scraper.pages.skeleton import is_redesign
from scraper.schedule import Schedule

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
