"""`python -m tests.bench.writing ARCHIVE NUMBER A_SECOND`: saves invented releases one at a time,
as a crawl does.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from archive.store.releases import Archive
from tests.bench.invented.releases import END, Place, invent
from tests.bench.invented.words import read_voice

SEED = 11  # differs from the archive's own, so that no release is repeated
FIRST = 10**9


def keep(path: Path, number: int, a_second: float = 0.0) -> float:
    """Return the mean CPU seconds of a save. a_second: the maximum of saves per second."""
    voice = read_voice()
    with Archive(path) as archive:
        begun, spent, start = time.monotonic(), 0.0, int(time.time() * 1000) % FIRST
        for count in range(number):
            place = Place(FIRST + start + count, count % 300, END, datetime.now(UTC))
            release, before = invent(voice, place, SEED), time.process_time()
            archive.save(release, seen_at=place.found)
            spent += time.process_time() - before
            if a_second:
                time.sleep(max(0.0, begun + (count + 1) / a_second - time.monotonic()))
    return spent / number


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
