"""`python -m tests.bench.related [ARCHIVE]`: do related releases share a tag, and what does finding
them cost?

Tags play no part in finding related releases, so they can judge them. Of each release with tags,
the nearest related one that has tags, too, is looked at; near-duplicates are left out. ARCHIVE:
import nothing.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from archive.database.sqlite_files import build_connection_runner, open_readonly
from archive.search.related_releases import RelatedReleases, find_related
from tests.bench.collection import ABSENT, COLLECTION, open_collection
from tests.bench.figures import judge
from tests.bench.measure import print_lines

SEED = 29
MAX_SAMPLE = 2_000  # releases with tags
MIN_SHARE = 0.78
MAX_MILLISECONDS = 20.0
STEPS = (0.2, 0.3, 0.5, 1.01)  # of similarity


def measure_related(archive: Path | None = None) -> Iterator[str]:
    """Yield the lines of the table, or the reason if there is no collection."""
    if archive is None and not COLLECTION.is_file():
        yield f"related releases are {ABSENT}"
        return
    with open_collection(archive) as path, closing(open_readonly(path)) as connection:
        yield from judge_neighbours(connection)


def judge_neighbours(connection: sqlite3.Connection) -> Iterator[str]:
    tags: defaultdict[int, set[int]] = defaultdict(set)
    for release, tag in connection.execute("select release, tag from release_tags"):
        tags[release].add(tag)
    draw = random.Random(SEED)
    sample = draw.sample(sorted(tags), min(MAX_SAMPLE, len(tags)))
    asyncio.run(find_all(connection, sample[:20]))  # fills caches
    found, times = asyncio.run(find_all(connection, sample))

    def share(pairs: list[tuple[int, int]]) -> float:
        return sum(bool(tags[one] & tags[other]) for one, other in pairs) / max(1, len(pairs))

    nearest, by_step = [], defaultdict[float, list[tuple[int, int]]](list)
    for key, related in zip(sample, found, strict=True):
        neighbours = [other for other in related.similarity if other in tags]
        nearest += [(key, other) for other in neighbours[:1]]
        for other in neighbours:
            step = max(step for step in STEPS if step <= related.similarity[other])
            by_step[step].append((key, other))
    chance = [(key, other) for key in sample for other in draw.sample(sorted(tags), 5)]
    by_chance = share([(key, other) for key, other in chance if key != other])
    numbers = Counter(min(len(related.similarity), 6) for related in found)
    yield f"{len(sample)} of {len(tags)} releases with tags; two share one by chance: {by_chance:.2f}"
    yield judge("nearest related releases that share a tag", share(nearest), least=MIN_SHARE)
    for low, high in pairwise(STEPS):
        pairs = by_step[low]
        steps = f"from {low:g} to {min(high, 1):g}"
        yield f"  all with a similarity {steps}: {share(pairs):.2f} of {len(pairs)}"
    few = len(found) - numbers[6] - numbers[0]
    yield f"releases with six related ones or more: {numbers[6]}, with one to five: {few}"
    yield f"without any: {numbers[0]}; without any that has tags: {len(sample) - len(nearest)}"
    mean = sum(times) / len(times)
    yield judge("finding those of a release, mean", mean, unit="ms", most=MAX_MILLISECONDS)
    yield f"  95 %: {sorted(times)[int(0.95 * len(times))]:.1f} ms, most: {max(times):.1f} ms"


async def find_all(
    connection: sqlite3.Connection, sample: list[int]
) -> tuple[list[RelatedReleases], list[float]]:
    """Find the related releases of each release; return them, and the CPU milliseconds of each
    search.
    """
    run, found, times = build_connection_runner(connection), [], []
    for key in sample:
        start = time.process_time()
        related = await find_related(run, key)
        times.append(1_000 * (time.process_time() - start))
        found.append(related or RelatedReleases(release=key, similarity={}))
    return found, times


if __name__ == "__main__":
    print_lines(measure_related(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
