"""Which pages of a host its others are compressed against: its templates, and the old design beside the new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archive.captures.frames import compress, quick_size

BASES = 4  # in use at a time
WORTH = 0.4  # of the plain compression; a base that saves less is another design's
SURELY = 0.8  # of what is worth while as a quick compression tells, which is a seventh or so above the plain
PACE = 1 / 16  # new bases a page, once there are some: on a site of long texts none ever saves so much
AGAIN = 16  # pages until it is tried again how well a host's pages compress by themselves: they are much alike
MOST = 0.3  # of a page's bytes, taken for granted: what compresses worse is told from the plain compression
SIZE = range(2_000, 1_000_000)  # bytes of a base; larger pages are compressed alone


@dataclass(slots=True, kw_only=True)
class Host:
    """The bases of one host, while a captures.db is open."""

    keys: list[int]  # the one that served last first
    credit: float  # new bases that may begin
    share: float = 1.0  # of a page's bytes that are left of it alone, quickly compressed
    known: int = 0  # further pages for which `share` is good enough

    @classmethod
    def of(cls, keys: list[int]) -> Host:
        """A host with the bases it has in the file; one may always begin, for the site may have been built anew."""
        return cls(keys=keys[:BASES], credit=max(1, BASES - len(keys)))

    def choose(self, body: bytes, read: Callable[[int], bytes | None]) -> tuple[int | None, bytes, bool]:
        """Base and frame of a page (None: it is held alone), and whether it is a base from now on.

        `read` gives a base's bytes; None where they cannot be had. The plain compression is the dearest of all: it
        is made only where a quick one, of this page or one shortly before, does not tell that a base serves.
        """
        self.credit += PACE
        enough = SURELY * WORTH * self._guess(body) if self.keys else 0.0
        best = self._find_best(body, read, enough)
        if best is None or len(best[1]) >= enough:
            plain = compress(body)
            # text that no base serves begins a design; a picture or a few words do not
            text = len(body) in SIZE and len(plain) < len(body) / 2
            if text and (best is None or len(best[1]) >= WORTH * len(plain)) and self.credit >= 1:
                self.credit -= 1
                return None, plain, True
            if best is None or len(best[1]) >= len(plain):
                return None, plain, False
        self.keys.remove(best[0])
        self.keys.insert(0, best[0])
        return *best, False

    def _find_best(self, body: bytes, read: Callable[[int], bytes | None], enough: float) -> tuple[int, bytes] | None:
        """The base that serves best, or the first whose frame is small `enough`, with that frame."""
        best: tuple[int, bytes] | None = None
        for key in self.keys if len(body) < SIZE.stop else ():
            base = read(key)
            frame = None if base is None else compress(body, base)
            if frame is not None and (best is None or len(frame) < len(best[1])):
                best = key, frame
                if len(frame) < enough:
                    break
        return best

    def _guess(self, body: bytes) -> float:
        """About how large a quick compression would be."""
        if not self.known:
            self.share, self.known = min(MOST, quick_size(body) / max(1, len(body))), AGAIN
        self.known -= 1
        return self.share * len(body)

    def begin(self, key: int) -> None:
        """A page is a base from now on."""
        self.keys = [key, *self.keys][:BASES]
