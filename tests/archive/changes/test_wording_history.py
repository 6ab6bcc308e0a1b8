"""Between which checks a wording appeared and disappeared."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from archive.changes.history import read_version_texts
from archive.changes.wording_history import CheckPair, Presence, read_presences
from archive.database.models import Capture, Release
from archive.database.sqlite_files import build_connection_runner
from archive.search.marked_words import OccurrenceFinder
from archive.search.query_language import parse_query
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown, redact_passage
from tests.archive.random_events import RandomEvents
from tests.archive.sample import import_release

FIRST_DAY = datetime(2024, 5, 1, tzinfo=UTC)
PHRASE = "120 miljoner"
# appeared after, until; disappeared after, until
Days = tuple[int | None, int, int | None, int | None]


class Story:
    """A release whose pages are found, changed and missing, one event a day; each text is another
    one.
    """

    def __init__(self, archive: Archive, url: str) -> None:
        self.archive, self.url, self.day = archive, url, 0

    @property
    def now(self) -> datetime:
        return FIRST_DAY + timedelta(days=self.day)

    @property
    def key(self) -> int:
        key = self.archive.find_release_id(self.url)
        assert key is not None
        return key

    def play(self, events: str) -> Story:
        for event in events.split():
            self.day += 1
            act = {"x": self.miss, "r": self.come_back, "o": self.fail, ".": self.check}.get(event)
            if act:
                act()
            else:
                self.read(event)
        return self

    def read(self, event: str) -> None:
        """Store a page with (+) or without the phrase; p: the same page, parsed again; c: one that
        only looks new; i: what a collection had on this day; u: on an unknown one.
        """
        body = (
            f"Stödet är {PHRASE if event[-1] == '+' else '121 miljoner'} kronor, version"
            f" {self.day}."
        )
        release = Release(
            agency="prov",
            url=self.url,
            title="Stöd",
            body=body,
            body_html=f"<p>{body}</p>",
            language="sv",
        )
        if event[0] in "iu":
            import_release(self.archive, release, self.now, self.now if event[0] == "i" else None)
            return
        stored = self.archive.get(self.url)
        capture = stored.capture_id if stored and event[0] == "p" else self.add_capture()
        cause = {"p": "parser", "c": "parser"}.get(event[0], "source")
        with self.archive.transaction():
            self.archive.save(release, seen_at=self.now, cause=cause, capture_id=capture)

    def add_capture(self) -> int:
        with self.archive.transaction():
            return self.archive.add_capture(
                Capture(
                    url=self.url, seen=self.now, status=200, headers={}, sha256="0" * 64, bytes=9
                )
            )

    def check(self) -> None:
        self.archive.mark_checked(self.key, self.now)

    def miss(self) -> None:
        with self.archive.transaction():
            self.archive.removals.mark_missing(self.key, self.now, "gone", status=404)

    def come_back(self) -> None:
        with self.archive.transaction():
            self.archive.removals.mark_present(self.key, self.now)
        self.check()

    def fail(self) -> None:
        with self.archive.transaction():
            self.archive.frontier.add(self.url, agency="prov", role="release", seen_at=self.now)
            self.archive.frontier.mark_failed(self.url, self.now, "answered 503")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        yield archive


async def read(
    archive: Archive, *releases: int, query: str = f'"{PHRASE}"'
) -> dict[int, list[Presence]]:
    finder = OccurrenceFinder(parse_query(query).tree)
    with closing(sqlite3.connect(archive.path)) as connection:
        run = build_connection_runner(connection)

        async def find(revisions: Sequence[int]) -> set[int]:
            texts = await read_version_texts(run, revisions)
            return {key for key, state in texts.items() if finder.is_in(state)}

        return await read_presences(run, releases, find)


def to_day(moment: str | None) -> int | None:
    return None if moment is None else (datetime.fromisoformat(moment) - FIRST_DAY).days


def to_days(presence: Presence) -> Days:
    gone = presence.disappeared
    ends = (to_day(gone.after), to_day(gone.until)) if gone else (None, None)
    until = to_day(presence.appeared.until)
    assert until is not None
    return to_day(presence.appeared.after), until, *ends


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("- .", []),
        ("+", [(None, 1, None, None)]),
        ("+ . -", [(None, 1, 2, 3)]),
        ("- . . +", [(3, 4, None, None)]),
        ("- + . - .", [(1, 2, 3, 4)]),
        ("+ - + . - .", [(None, 1, 1, 2), (2, 3, 4, 5)]),  # reverted
        ("+ + . +", [(None, 1, None, None)]),  # edited elsewhere
        ("- . p+ . -", [(None, 1, 4, 5)]),  # parsed again: the page had it from the start
        ("- . c+ . -", [(None, 1, 4, 5)]),
        ("+ . p- .", []),
        ("- + . p- .", []),
        ("- . + p+ -", [(2, 3, 3, 5)]),  # parsed again on day 4, when no check was made
        # a collection, and what the archive reads itself
        ("i+ -", [(None, 1, 1, 2)]),
        ("i- p+ .", [(None, 2, None, None)]),
        ("i- i+ i+ p-", [(1, 2, 3, 4)]),
        ("i+ + i- . -", [(None, 1, 4, 5)]),
        ("i+ + - . i+ .", [(None, 1, 2, 3)]),  # the collection still has what the archive missed
        ("i+ - i+", [(None, 1, None, None)]),
        ("- i+ .", [(None, 2, 2, 3)]),
        # what a collection had at an unknown time, and what it or others had when
        ("u+ -", [(None, 1, None, 2)]),
        ("u+ - +", [(None, 1, None, 2), (2, 3, None, None)]),
        ("u+ +", [(None, 1, None, None)]),
        ("u+ u+", [(None, 1, None, None)]),
        ("u+ u-", [(None, 1, None, 2)]),
        ("u+ i-", [(None, 1, None, 2)]),
        ("i- u+", [(None, 2, None, 1)]),  # not in what it had on day 1, before or after
        ("u- i+", [(None, 2, None, None)]),
        ("i+ u-", [(None, 1, None, None)]),
        ("i+ u+ i-", [(None, 1, 1, 3)]),
        ("i+ i- u+", [(None, 1, 1, 2)]),
        ("i+ i- u+ -", [(None, 1, 1, 2)]),
        ("u+ i+ i-", [(None, 1, 2, 3)]),
        ("u+ i- +", [(None, 1, None, 2), (None, 3, None, None)]),
        ("+ . o o -", [(None, 1, 2, 5)]),  # outage
        ("+ . o o .", [(None, 1, None, None)]),
        ("+ . x x", [(None, 1, None, None)]),  # not confirmed
        ("+ . x x x", [(None, 1, 2, 3)]),
        ("- . + x x x x", [(2, 3, 3, 4)]),
        ("- x x x", []),
        ("+ - x x x", [(None, 1, 1, 2)]),
        ("+ . x x x r -", [(None, 1, 6, 7)]),
        ("+ . x x x r .", [(None, 1, None, None)]),
        ("+ . x x -", [(None, 1, 2, 5)]),
        ("+ x x x r x x x", [(None, 1, 5, 6)]),
    ],
)
async def test_presences_are_between_checks(
    archive: Archive, events: str, expected: list[Days]
) -> None:
    story = Story(archive, "https://prov.example/1").play(events)
    assert [
        to_days(presence) for presence in (await read(archive, story.key))[story.key]
    ] == expected


async def test_a_removed_release_names_its_removals(archive: Archive) -> None:
    story = Story(archive, "https://prov.example/1").play("+ x x x r . x x x")
    (presence,) = (await read(archive, story.key))[story.key]
    (missing,) = presence.missing
    assert (presence.removal, to_day(missing.after), to_day(missing.until)) == (2, 2, 5)


async def test_presences_name_the_revisions_around_them(archive: Archive) -> None:
    story = Story(archive, "https://prov.example/1").play("- + + p+ . - -")
    (presence,) = (await read(archive, story.key))[story.key]
    assert (presence.before, presence.first, presence.last, presence.after) == (1, 2, 4, 5)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("+ .", "+ .", [(None, 1, None, None)]),
        ("+ .", "- .", [(None, 1, 2, 3)]),
        ("- .", "+ .", [(2, 3, None, None)]),
        ("- + .", "+ - .", [(1, 2, 4, 5)]),
        ("+ - .", "- + .", [(None, 1, 1, 2), (4, 5, None, None)]),
    ],
)
async def test_a_move_continues_the_history(
    archive: Archive, old: str, new: str, expected: list[Days]
) -> None:
    first = Story(archive, "https://prov.example/1").play(old)
    second = Story(archive, "https://prov.example/2")
    second.day = first.day
    second.play(new[0])
    with archive.transaction():
        merge_releases(
            archive, first.key, second.key, second.now, second.url, cause="source", status=301
        )
    second.play(new[1:])
    assert [
        to_days(presence) for presence in (await read(archive, second.key))[second.key]
    ] == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # a second URL without it, found to be the same on day 9
        ("+ . . .", ". - . .", [(None, 1, 4, 9)]),
        (". + . .", "- . . .", [(None, 2, 4, 9)]),
        ("+ . . .", ". + . -", [(None, 1, 4, 9)]),
        ("+ . - .", ". . + .", [(None, 1, None, None)]),  # no check shows that both lacked it
        ("+ - . .", ". . - +", [(None, 1, 1, 2), (3, 4, None, None)]),
    ],
)
async def test_two_urls_of_one_release(
    archive: Archive, old: str, new: str, expected: list[Days]
) -> None:
    stories = Story(archive, "https://prov.example/1"), Story(archive, "https://prov.example/2")
    for events in zip(old.split(), new.split(), strict=True):
        for story, event in zip(stories, events, strict=True):
            if event == "." and archive.find_release_id(story.url) is None:
                story.day += 1
            else:
                story.play(event)
    first, second = stories
    with archive.transaction():
        moved = FIRST_DAY + timedelta(days=9)
        merge_releases(
            archive, first.key, second.key, moved, second.url, cause="source", status=301
        )
    assert [
        to_days(presence) for presence in (await read(archive, second.key))[second.key]
    ] == expected


async def test_takedowns_leave_nothing_to_find(archive: Archive) -> None:
    story = Story(archive, "https://prov.example/1").play("+ . -")
    hidden = hide_release(archive, story.key, story.now, reason="Beslut")
    assert (await read(archive, story.key))[story.key] == []
    lift_takedown(archive, hidden, story.now, "Upphävt")
    assert len((await read(archive, story.key))[story.key]) == 1
    redact_passage(archive, story.key, PHRASE, story.now, reason="Personuppgift")
    assert (await read(archive, story.key))[story.key] == []


def find_expected(log: Sequence[tuple[int, bool]]) -> list[Days]:
    """Return the presences that the checks show.

    log: the day of each check, and whether it found the phrase.
    """
    found: list[Days] = []
    before: int | None = None
    was_there = False
    for day, is_there in log:
        if is_there and not was_there:
            found.append((before, day, None, None))
        elif was_there and not is_there:
            found[-1] = (*found[-1][:2], before, day)
        before, was_there = day, is_there
    return found


@pytest.mark.parametrize("seed", range(20))
async def test_intervals_are_as_narrow_as_the_checks_and_no_narrower(
    archive: Archive, seed: int
) -> None:
    random = Random(seed)
    for number in range(5):
        events = [
            random.choice("+-"),
            *random.choices(("+", "-", ".", ".", "o"), k=random.randrange(12)),
        ]
        story = Story(archive, f"https://prov.example/{number}").play(" ".join(events))
        log: list[tuple[int, bool]] = []
        for day, event in enumerate(events, 1):
            if event != "o":
                log.append((day, event == "+" or (event == "." and log[-1][1])))
        assert [
            to_days(presence) for presence in (await read(archive, story.key))[story.key]
        ] == find_expected(log)


@pytest.mark.parametrize("seed", range(8))
async def test_presences_are_in_order_and_never_overlap(archive: Archive, seed: int) -> None:
    random = Random(seed)
    events = RandomEvents(archive, random)
    for _ in range(3):
        events.publish()
    for _ in range(60):
        events.time += timedelta(hours=12)
        event = random.choice(
            (
                events.edit,
                events.edit,
                events.check,
                events.remove,
                events.return_release,
                events.merge,
            )
        )
        event()
    keys = [key for (key,) in archive.db.execute("select id from releases where moved_to is null")]
    found = await read(archive, *keys, query="båt")
    assert any(len(rows) > 1 for rows in found.values())
    for rows in found.values():
        for presence in rows:
            ends = presence.disappeared or CheckPair(presence.appeared.until, "9999")
            assert (
                (presence.appeared.after or "")
                <= presence.appeared.until
                <= str(ends.after)
                <= ends.until
            )
        for one, other in pairwise(rows):
            assert one.disappeared
            assert one.disappeared.until <= (other.appeared.after or other.appeared.until)
