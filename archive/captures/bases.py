"""Which pages of a host its others are compressed against: its templates, and the old design beside the new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archive.captures.frames import compress

BASES = 4  # in use at a time
WORTH = 0.4  # of the plain compression; a base that saves less is another design's
PACE = 1 / 16  # new bases a page, once there are some: on a site of long texts none ever saves so much
SIZE = range(2_000, 1_000_000)  # bytes of a base; larger pages are compressed alone


@dataclass(slots=True, kw_only=True)
class Host:
    """The bases of one host, while a captures.db is open."""

    keys: list[int]  # the one that served last first
    credit: float  # new bases that may begin

    @classmethod
    def of(cls, keys: list[int]) -> Host:
        """A host with the bases it has in the file; one may always begin, for the site may have been built anew."""
        return cls(keys=keys[:BASES], credit=max(1, BASES - len(keys)))

    def choose(self, body: bytes, plain: bytes, read: Callable[[int], bytes | None]) -> tuple[int | None, bytes, bool]:
        """Base and frame of a page (None and `plain` where it is held alone), and whether it is a base from now on.

        `read` gives a base's bytes; None where they cannot be had.
        """
        self.credit += PACE
        best, frame = None, plain
        for key in self.keys if len(body) < SIZE.stop else ():
            base = read(key)
            found = plain if base is None else compress(body, base)
            if len(found) < len(frame):
                best, frame = key, found
            if len(found) < WORTH * len(plain):
                break
        # text that no base serves begins a design; a picture or a few words do not
        text = len(body) in SIZE and len(plain) < len(body) / 2
        if text and len(frame) >= WORTH * len(plain) and self.credit >= 1:
            self.credit -= 1
            return None, plain, True
        if best is not None:
            self.keys.remove(best)
            self.keys.insert(0, best)
        return best, frame, False

    def begin(self, key: int) -> None:
        """A page is a base from now on."""
        self.keys = [key, *self.keys][:BASES]
