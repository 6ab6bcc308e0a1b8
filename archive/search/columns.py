"""What hits are chosen, sorted and counted by, held in memory: a copy of `listed` and its tags, a few numbers each.

A word finds ten thousand releases scattered over the archive. To look each up in a table, sort them there and count
five facets costs a microsecond a hit each time: most of what a search takes. Beside each other in memory they cost a
tenth. The copy follows the log `delta`, which tells of every change in the transaction of the change itself.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import compress
from operator import itemgetter
from typing import Any

from archive.search.run import Run
from archive.swedish.facts import NONE

CHUNK = 2_000  # entries of the log that are read at a time
JULIAN = 1_721_425  # from the days of Python's date.toordinal to SQLite's julianday, half a day later
OLD = 10**9  # days
LAST = "select ifnull(max(id), 0) as entry from delta"
CHANGED = f"""
    with changed as materialized (select distinct release from delta where id > :after and id <= :until)
    select c.release, l.agency, coalesce(l.kind, '{NONE}') as kind, coalesce(substr(l.day, 1, 4), '{NONE}') as year,
      iif(l.questions > 0, 'yes', 'no') as questions, cast(julianday(coalesce(l.day, substr(l.newest, 1, 10))) + 0.5
        as integer) as day,
      cast(substr(replace(replace(replace(l.newest, '-', ''), 'T', ''), ':', '') || '00000000000000', 1, 14) as integer)
        as newest,
      (select json_group_array(tag) from release_tags where release = c.release) as tags
    from changed c left join listed l on l.release = c.release order by c.release
"""
NOTHING: Mapping[str, Iterable[str]] = {}
CODED = ("agency", "kind", "year", "questions")


class Codes:
    """Texts as small numbers, from 1 on; 0 is none."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self.numbers: dict[str, int] = {}

    def put(self, text: str) -> int:
        """The number of a text, a new one where it has none yet."""
        number = self.numbers.get(text)
        if number is None:
            number = self.numbers[text] = len(self.texts)
            self.texts.append(text)
        return number


class Columns:
    """Each column is an array in which a release stands at the place of its id; what is not listed is 0 in all."""

    def __init__(self) -> None:
        self.entry = 0  # the last of the log that is in here
        self._clear()

    def _clear(self) -> None:
        self.codes = {name: Codes() for name in CODED}
        self.coded = {name: array("H") for name in CODED}
        self.newest = array("q")  # the order of lists: digits of listed.newest, YYYYMMDDhhmmss
        self.day = array("i")  # the Julian day, for its age; 0 where none is known
        self.first, self.number = array("Q"), array("H")  # where in `tags` a release's begin, and how many
        self.tags = array("I")

    async def renew(self, run: Run) -> Columns:
        """What the log tells since the last time; all of it where the archive is another one, with a shorter log."""
        before = self.entry
        last = int((await run(LAST, {}))[0]["entry"])
        if last < before == self.entry:  # a log only grows; what another search read meanwhile is no sign
            self.entry = 0
        while (after := self.entry) < last:
            until = min(after + CHUNK, last)
            rows = await run(CHANGED, {"after": after, "until": until})
            if self.entry == after:  # else another search has been faster
                if not after:
                    self._clear()
                self._put(rows)
                self.entry = until
        return self

    def _put(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._grow(max((row["release"] for row in rows), default=0) + 1)
        for row in rows:
            key, listed = row["release"], row["agency"] is not None
            for name in CODED:
                self.coded[name][key] = self.codes[name].put(row[name]) if listed else 0
            self.newest[key] = row["newest"] or 0
            self.day[key] = row["day"] or 0
            tags = json.loads(row["tags"]) if listed else []
            if len(tags) > self.number[key]:
                self.first[key] = len(self.tags)
                self.tags.extend(tags)
            else:  # in place of those it had
                self.tags[self.first[key] : self.first[key] + len(tags)] = array("I", tags)
            self.number[key] = len(tags)

    def _grow(self, length: int) -> None:
        missing = length - len(self.newest)
        for column in (*self.coded.values(), self.newest, self.day, self.first, self.number) if missing > 0 else ():
            column.frombytes(bytes(missing * column.itemsize))

    def keep(
        self,
        releases: Sequence[int],
        include: Mapping[str, Iterable[str]] = NOTHING,
        exclude: Mapping[str, Iterable[str]] = NOTHING,
    ) -> list[int]:
        """Those that are listed and have a chosen value of each facet, and no excluded one; tags are not looked at."""
        agency = self.coded["agency"]
        if max(releases, default=0) >= len(agency):  # the index was asked a moment later
            releases = [release for release in releases if release < len(agency)]
        kept = list(compress(releases, pick(agency, releases)))
        for chosen, wanted in ((include, True), (exclude, False)):
            for name in chosen.keys() & self.coded.keys():
                numbers = {self.codes[name].numbers.get(value, -1) for value in chosen[name]}
                column = self.coded[name]
                kept = [release for release in kept if (column[release] in numbers) is wanted]
        return kept

    def sort(self, releases: Iterable[int]) -> list[int]:
        """Newest first; of the same second, what was read last."""
        return sorted(sorted(releases, reverse=True), key=self.newest.__getitem__, reverse=True)

    def ages(self, releases: Sequence[int], today: date) -> Iterator[int]:
        """Days since each was published, or else updated or found; as old as can be where nothing is known."""
        now = today.toordinal() + JULIAN
        return (max(0, now - day) if day else OLD for day in pick(self.day, releases))

    def count(self, releases: Sequence[int], facet: str) -> Mapping[str, int]:
        """How many releases have each value of a facet."""
        numbers = Counter(pick(self.coded[facet], releases))
        texts = self.codes[facet].texts  # 0: no longer listed since it was found
        return {texts[number]: count for number, count in numbers.items() if number}

    def count_tags(self, releases: Sequence[int], most: int) -> Mapping[int, int]:
        """How many releases have each of the commonest tags, by the tag's id."""
        held, tags = array("I"), self.tags
        for begin, number in zip(pick(self.first, releases), pick(self.number, releases), strict=True):
            held += tags[begin : begin + number]
        return dict(Counter(held).most_common(most))


def pick(column: Sequence[int], releases: Sequence[int]) -> Sequence[int]:
    """The values of some releases: of many at once, which takes a third of the time of each by itself.

    >>> pick([0, 7, 8, 9], [3, 1]), pick([0, 7], [1]), pick([0], [])
    ((9, 7), [7], [])
    """
    return itemgetter(*releases)(column) if len(releases) > 1 else [column[release] for release in releases]
