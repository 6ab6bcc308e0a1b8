"""Builds the plan of the year: what happens to which release at which time.

A seed always gives the same plan.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.harness.world.simulation import DAY, HOUR
from tests.harness.year import parts
from tests.harness.year.author import STANDING, START, Author, Scale
from tests.harness.year.events import Crawl, Plan
from tests.site.compose import SLUGS, compose


def write_plan(scale: Scale, seed: int = 1) -> Plan:
    """Build the plan of a year."""
    releases, out = {}, set()
    for i, slug in enumerate(SLUGS):
        share = len(range(i, scale.releases, 4))
        for n, release in enumerate(compose(slug, share)):
            releases[f"{slug}#{n}"] = release
            if n < share * STANDING:
                out.add(f"{slug}#{n}")
    born = dict.fromkeys(sorted(out), START - 900 * DAY)
    author = Author(scale, random.Random(f"year {seed}"), releases, born)
    parts.publish(author, [key for key in releases if key not in out])
    parts.write(author)
    return Plan(
        start=START,
        end=START + scale.days * DAY,
        scale=scale,
        late=frozenset(releases) - out,
        events=tuple(sorted(author.events, key=lambda event: event.moment)),
        crawls=tuple(sorted(crawls(scale), key=lambda crawl: crawl.moment)),
    )


def crawls(scale: Scale) -> Iterator[Crawl]:
    """Yield the crawls: both spiders daily; in some stretches, revisits hourly and news every six
    hours.
    """
    yield Crawl(moment=START, spider="news")
    for day in range(1, scale.days + 1):
        six = START + day * DAY
        yield Crawl(moment=six, spider="revisit")
        yield Crawl(moment=six + HOUR / 2, spider="news")
    for day in scale.stretches:
        for hour in range(1, scale.hours + 1):
            if hour % 24:
                yield Crawl(moment=START + day * DAY + hour * HOUR, spider="revisit")
                if hour % 6 == 0:
                    yield Crawl(moment=START + day * DAY + (hour + 0.5) * HOUR, spider="news")
