"""Adds the events to the plan: publications, edits, redesigns, removals, moves and outages over the
year.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import cycle

from tests.harness.world.simulation import DAY, HOUR
from tests.harness.year.author import START, Author
from tests.harness.year.edits import FULL
from tests.site.compose import SLUGS

# get another layout; the other agencies get another system
LAID_OUT = ("skogsbruksradet", "hushallsmyndigheten")
SYSTEMS = {"lasframjandenamnden": "modern", "farledsverket": "drupal"}
OUTAGES = (  # sort, day of the full year, days, agency
    ("503", 40, 3.0, 0),
    ("reset", 76, 2.0, 1),
    ("no name", 100, 1.0, 2),
    ("robots 503", 133, 2.0, 3),
    ("403", 160, 1.0, 0),
    ("429", 176, 0.9, 1),
    ("captcha", 194, 1.0, 2),
    ("robots no", 212, 7.0, 3),
    ("503", 280, 5.0, 2),
)
Kinds = tuple[tuple[str, int, dict[str, object]], ...]
REMOVED: Kinds = (  # kind, how many in the full year, how
    ("404", 5, {"status": 404}),
    ("410", 4, {"status": 410}),
    ("soft 404", 4, {"status": 200}),
    ("own words", 3, {"status": 200, "words": "Nyheten är avpublicerad"}),
    ("front page", 3, {"to": "/"}),
    ("listing", 2, {"to": "listing"}),
    ("other text", 2, {"to": "other"}),
)
MOVED: Kinds = (
    ("301", 6, {}),
    ("301 unlisted", 3, {"listed": False}),
    ("canonical", 3, {"keep": True}),
    ("anew", 3, {"redirect": False}),
    ("moved edit", 2, {"how": "longer_lead"}),
    ("twice", 2, {}),
)


def write(author: Author) -> None:
    """Add all events but publications: first those that need a certain time or agency, the plain
    edits last.
    """
    redesigns(author)
    outages(author)
    stretches(author)
    turns(author)
    removals(author)
    moves(author)
    edits(author)


def publish(author: Author, late: Sequence[str]) -> None:
    """Add the publications of the year; one more per agency at the beginning of each stretch of
    hourly crawls.
    """
    keys = list(late)
    author.rng.shuffle(keys)
    for day in author.scale.stretches:
        for slug in SLUGS:
            key = next(key for key in keys if author.releases[key].agency == slug)
            keys.remove(key)
            author.born[key] = (START + day * DAY).replace(hour=7, minute=10)
    for key, moment in zip(keys, author.moments(len(keys)), strict=True):
        author.born[key] = moment
    for key in late:
        author.add("published", key, "publish", author.born[key])


def redesigns(author: Author) -> None:
    """Add two new layouts and two new systems; some releases are edited on the same day."""
    days = [author.scale.day(day) for day in (115, 150, 200, 262)]
    for slug, day in zip(
        (LAID_OUT[0], "lasframjandenamnden", LAID_OUT[1], "farledsverket"), days, strict=True
    ):
        at = author.moment(day).replace(hour=8, minute=12)
        if slug in LAID_OUT:
            author.add("layout", slug, "redesign", at)
        else:
            author.add("system", slug, "redesign", at, design=SYSTEMS[slug])
        for how in ("new_title", "new_paragraph", "longer_lead")[: author.scale.number(3)]:
            if key := author.pick(at, author.of(slug), author.younger(at, 80)):
                author.add("design edit", key, "change", at.replace(hour=11), how=how)


def outages(author: Author) -> None:
    """Add each sort of outage, with an edit that can only be seen afterwards."""
    for sort, of_year, days, at in OUTAGES:
        slug, scale = SLUGS[at], author.scale
        begin = author.moment(scale.day(of_year)).replace(hour=14, minute=20)
        short = 20 * HOUR if scale.days < 120 else 0 * HOUR
        end = begin + days * min(1.0, scale.days / 120) * DAY + short
        author.add(sort, slug, "break_", begin, sort=sort)
        author.add(sort, slug, "mend", end, sort=sort)
        if key := author.pick(begin, author.of(slug), author.younger(begin, 80)):
            author.add("outage edit", key, "change", begin + HOUR, how="longer_paragraph")


def stretches(author: Author) -> None:
    """Add edits and short removals of releases within hours of their publication."""
    for day in author.scale.stretches:
        begin = START + day * DAY
        fresh = [key for key, born in author.born.items() if begin < born < begin + 2 * HOUR]
        for key, how in zip(
            fresh, ("other_number", "new_title", "longer_lead", "shorter_text"), strict=True
        ):
            author.used.add(key)
            author.add("undated", key, "change", begin + 7.3 * HOUR, how=how)
        author.add("blip", fresh[0], "delete", begin + 7.7 * HOUR, status=404)
        author.add("blip", fresh[0], "restore", begin + 9.7 * HOUR)
        author.add("undated", fresh[1], "change", begin + 8.3 * HOUR, how="typo")


def draw(author: Author, kinds: Kinds) -> Iterator[tuple[int, str, dict[str, object], datetime]]:
    """Yield as many events of each kind as the scale has, with their numbers and moments."""
    listed = [(kind, how) for kind, n, how in kinds for _ in range(author.scale.number(n))]
    author.rng.shuffle(listed)
    for n, ((kind, how), at) in enumerate(zip(listed, author.moments(len(listed)), strict=True)):
        yield n, kind, how, at


def removals(author: Author) -> None:
    """Add removals of every kind; some of the releases return."""
    for n, kind, how, at in draw(author, REMOVED):
        given = dict(how)
        key = author.pick(at, author.younger(at, 80)) or author.pick(at)
        if key is None:
            continue
        if given.get("to") == "other":
            other = author.pick(at, author.of(author.releases[key].agency))
            if other is None:
                continue
            given["to"] = other
        author.add(kind, key, "delete", at, **given)
        back = at + (author.rng.randint(9, 25) if author.scale.days > 120 else 6) * DAY
        if n % 3 == 1 and back < START + author.scale.last_day * DAY:
            author.add(kind, key, "restore", back + HOUR)


def moves(author: Author) -> None:
    """Add moves of every kind, of new and old releases."""
    statuses = cycle((301, 302, 308))
    for n, kind, how, at in draw(author, MOVED):
        key = (author.pick(at, author.younger(at, 80)) if n % 2 else None) or author.pick(at)
        if key is None:
            continue
        given = {**how, "status": next(statuses)} if kind == "301" else how
        author.add(kind, key, "move", at, **given)
        if kind == "twice":
            author.add(kind, key, "move", at + 5 * DAY)


def turns(author: Author) -> None:
    """Add alternating texts, edits undone before a crawl, pairs of edits, and first update
    dates.
    """
    scale = author.scale
    for at in author.moments(scale.number(4)):
        begin = author.moment((at - START) / DAY * 0.6)  # it takes nine days
        if key := author.pick(begin, author.younger(begin, 20)) or author.pick(begin):
            for turn in range(4):
                given = {"how": "longer_paragraph", "undo": bool(turn % 2)}
                author.add("flap", key, "change", begin + turn * 3 * DAY, **given)
    for at in author.moments(scale.number(6)):
        if is_quiet(author, at) and (key := author.pick(at)):
            author.add("undone", key, "change", at.replace(hour=9), how="new_title")
            author.add("undone", key, "change", at.replace(hour=10), how="new_title", undo=True)
    for at in author.moments(scale.number(4)):
        if key := author.pick(at, author.of("skogsbruksradet")):
            author.add("far apart", key, "change", at, how="new_paragraph", noted=False)
            author.add("far apart", key, "change", at + 5 * HOUR, how="longer_lead", noted=False)
    for at in author.moments(scale.number(6)):
        if key := author.pick(at, author.tells_no_update):
            author.add("first stamp", key, "change", at, how="longer_paragraph", first_stamp=True)


def edits(author: Author) -> None:
    """Add the plain edits, often several of the same release."""
    hows = cycle(FULL)
    for at in author.moments(author.scale.number(60)):
        if key := author.pick(at, author.tells_updates, only=False):
            author.add("dated", key, "change", at, how=next(hows), stamped=True)
    for kind, how, number in (
        ("undated", None, 70),
        ("typo", "typo", 15),
        ("punctuation", "punctuation", 15),
    ):
        for n, at in enumerate(author.moments(author.scale.number(number))):
            if key := author.pick(at, only=False):
                author.add(kind, key, "change", at, how=how or next(hows), noted=bool(n % 2))
    for at in author.moments(author.scale.number(30)):
        if key := author.pick(at, only=False):
            author.add("markup", key, "ruffle", at)


def is_quiet(author: Author, at: datetime) -> bool:
    """Return whether no hourly crawls run on that day."""
    day = (at - START) // DAY
    return not any(
        begin - 1 <= day <= begin + author.scale.hours // 24 for begin in author.scale.stretches
    )
