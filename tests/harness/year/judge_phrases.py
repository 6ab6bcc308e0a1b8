"""Checks that every phrase that an edit added or removed is found by its history and in every
version, and no other.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from archive.database.sqlite_files import RunQuery, build_connection_runner
from archive.language.terms import find_words
from archive.search.column_cache import ColumnCache
from archive.search.edit_search import PhraseEntry, read_phrase_entries, read_phrase_history
from archive.search.query_language import MAX_QUERY_WORDS
from archive.search.results import search
from archive.search.search_request import MAX_PAGE_SIZE, SearchRequest
from tests.harness.year.history import History
from tests.harness.year.told import SAME, Told, Verdict, is_same
from tests.harness.year.world import Subject
from tests.site.releases import Release

FOUND = "phrases that an edit added or removed"
INVENTED_PHRASE = "phrases found where they never were"
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
MIN_WORDS = 3  # of a sentence that is looked up

# appeared after, until; gone after, until
Stay = tuple[datetime | None, datetime, datetime | None, datetime | None]


def judge_phrases(history: History, told: Told, archive: Path, verdict: Verdict) -> None:
    """Look up each sentence that is in one of two successive readings of a release and not in the
    other.
    """
    texts = {
        subject.key: list_readings(history, told, subject)
        for subject in history.world.subjects.values()
    }
    owners = {
        key: subject for subject in history.world.subjects.values() for key in told.ids(subject)
    }
    phrases = dict.fromkeys(
        phrase for readings in texts.values() for phrase in list_changed_phrases(readings)
    )
    with closing(sqlite3.connect(archive)) as connection:
        run, columns = build_connection_runner(connection), ColumnCache()
        for phrase in phrases:
            verdict.count(FOUND)
            entries, hits = asyncio.run(look_up(run, columns, phrase))
            stays = {
                key: stays
                for key, readings in texts.items()
                if (stays := list_stays(readings, phrase))
            }
            misses = [
                f"{phrase!r}: {miss}"
                for key, expected in stays.items()
                for miss in find_phrase_misses(
                    history.world.subjects[key], expected, told, entries, hits
                )
            ]
            verdict.judge(FOUND, misses)
            found = {owners[key].key for key in {*hits, *(entry.row["id"] for entry in entries)}}
            for key in sorted(found - stays.keys()):
                url = history.world.subjects[key].url
                verdict.count_and_judge(INVENTED_PHRASE, f"{phrase!r}: {url}")


async def look_up(
    run: RunQuery, columns: ColumnCache, phrase: str
) -> tuple[list[PhraseEntry], set[int]]:
    """Return the history of a phrase, and the releases that a search in all versions finds."""
    text = f'"{phrase}"'
    found = await read_phrase_history(run, columns, text)
    results = await search(
        run, SearchRequest(text=text, all_versions=True, strict=True, size=MAX_PAGE_SIZE), columns
    )
    entries = await read_phrase_entries(run, found, found.times)
    return entries, {hit.row["id"] for hit in results.hits}


def list_readings(
    history: History, told: Told, subject: Subject
) -> list[tuple[datetime, Release, str]]:
    """Return when a release was read since it is stored, and its words, with spaces around each
    text.
    """
    first = min((row["seen"] for row in told.revisions_of(told.ids(subject))), default=None)
    found = []
    for look in history.readings(subject.key):
        release = look.standing.release
        if release and first and look.moment > datetime.fromisoformat(first) - SAME:
            found.append((look.moment, release, format_words(list_texts(release))))
    return found


def list_texts(release: Release) -> list[str]:
    answers = (text for pair in release.questions for text in (pair.question, *pair.answer))
    return [release.title, release.lead or "", *release.body, *answers]


def format_words(texts: list[str]) -> str:
    return " | ".join(f" {' '.join(find_words(text))} " for text in texts)


def list_changed_phrases(readings: list[tuple[datetime, Release, str]]) -> Iterator[str]:
    """Yield the sentences, as words, that are in one of two successive readings and not in the
    other.
    """
    for (_, old, before), (_, new, after) in pairwise(readings):
        for release, own, other in ((old, before, after), (new, after, before)):
            for text in list_texts(release):
                for sentence in SENTENCE_END.split(text):
                    words = find_words(sentence)
                    phrase = " ".join(words)
                    is_changed = f" {phrase} " in own and f" {phrase} " not in other
                    if is_changed and MIN_WORDS <= len(words) <= MAX_QUERY_WORDS:
                        yield phrase


def list_stays(readings: list[tuple[datetime, Release, str]], phrase: str) -> list[Stay]:
    """Return between which readings a release had a phrase."""
    stays: list[Stay] = []
    before: datetime | None = None
    was_there = False
    for moment, _, words in readings:
        is_there = f" {phrase} " in words
        if is_there and not was_there:
            stays.append((before, moment, None, None))
        elif was_there and not is_there:
            stays[-1] = (*stays[-1][:2], before, moment)
        before, was_there = moment, is_there
    return stays


def find_phrase_misses(
    subject: Subject, expected: list[Stay], told: Told, entries: list[PhraseEntry], hits: set[int]
) -> Iterator[str]:
    """Yield what the history of a phrase, or the search in all versions, says wrongly about a
    release.
    """
    ids = told.ids(subject)
    if not hits & ids:
        yield f"{subject.url}: not found in all versions"
    found = sorted(
        (entry.presence for entry in entries if entry.row["id"] in ids),
        key=lambda each: each.appeared.until,
    )
    if len(found) != len(expected):
        yield f"{subject.url}: {len(found)} times in its history, not {len(expected)}"
        return
    removed = {row["first_seen"] for row in told.removals_of(ids)}
    for presence, (after, until, last, gone) in zip(found, expected, strict=True):
        appeared, end = presence.appeared, presence.disappeared
        is_right = is_same(appeared.until, until) and (
            is_same(appeared.after, after) if after else appeared.after is None
        )
        if end is None:
            is_right = is_right and gone is None and presence.removal is None
        else:
            is_end = end.until in removed or (gone is not None and is_same(end.until, gone))
            is_right = is_right and is_end and (last is None or is_same(end.after, last))
            is_right = is_right and not (gone is None and presence.removal is None)
        if not is_right:
            yield f"{subject.url}: {presence}, not {after} – {until}, {last} – {gone}"
