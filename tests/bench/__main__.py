"""`python -m tests.bench [N]`: measures pages, saves and searches, each with a named baseline in
the same run.

Figures are CPU milliseconds on this machine, and ratios. N: number of releases in the largest
invented archive that is searched, and of releases that are revisited. From 20,000 on, as many (at
most 100,000) are also crawled, to see whether memory use stays constant. Exits with 1 if a target
is missed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from tests.bench.again import measure_again
from tests.bench.attachments import measure_attachments
from tests.bench.big import NUMBER, measure_big
from tests.bench.crawl import measure_crawl
from tests.bench.extraction import measure_extraction
from tests.bench.figures import Missed
from tests.bench.memory import measure_memory
from tests.bench.quotations import measure_quotations
from tests.bench.related import measure_related
from tests.bench.search import measure_search
from tests.bench.store import measure_store
from tests.bench.typed_questions import measure_typed_questions
from tests.bench.versions import measure_versions

AGAIN = 2000
# releases from which a crawl shows whether memory stays flat, and the maximum
LONG, LONGEST = (20_000, 100_000)


def to_parts(number: int | None) -> dict[str, Callable[[], Iterator[str]]]:
    """Return the parts by name, in order."""
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "crawl": measure_crawl,
        "extraction": measure_extraction,
        "store": measure_store,
        "again": lambda: measure_again(min(number or AGAIN, LONG)),
        "search": measure_search,
        "questions as typed": measure_typed_questions,
        "earlier versions": measure_versions,
        "related releases": measure_related,
        "quotations": measure_quotations,
        "attachments": measure_attachments,
        "big archives": lambda: measure_big(number or NUMBER),
    }
    if number and number >= LONG:
        parts["memory"] = lambda: measure_memory(min(number, LONGEST))
    return parts


def main() -> int:
    """Print the parts; return 1 if a target is missed."""
    missed: list[str] = []
    for name, measure in to_parts(int(sys.argv[1]) if len(sys.argv) > 1 else None).items():
        print(f"\n== {name}\n", flush=True)
        for line in measure():
            print(line, flush=True)
            if isinstance(line, Missed):
                missed.append(line)
    print(f"\n{len(missed)} targets missed" if missed else "\nevery target reached")
    print("\n".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
