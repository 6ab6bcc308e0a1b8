"""Whether a page was read as such pages usually are, or as if a rule of ours found nothing any more.

Only what would be written is judged: a new release by its agency's habits, one that is held by what is held of it.
Where a field is gone from a page built as before, and its words with it, that is the agency's edit, and no matter
for suspicion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archive.models import to_state
from archive.quarantine import (
    FIELDS,
    MUCH_SHORTER,
    OWN,
    Aside,
    Reason,
    Usual,
    find_thin,
    is_backlog,
    measure,
    read_usual,
    source_of,
)
from scraper.redesign import PageText, find_paragraphs, is_redesign, read_text, squeeze
from scraper.redesign import tell as tell_part

if TYPE_CHECKING:
    from archive.models import Release
    from archive.store import Archive, Held
    from scraper.ingest import Witness
    from scraper.items import Reading

LONG = 400  # letters of a text that can collapse
LOST = 2 / 3  # of its letters, the share that is not read any more


@dataclass
class Suspicion:
    """One agency's habits as they were when the crawl began, and what it has read since."""

    archive: Archive
    witness: Witness
    agency: str
    read: dict[tuple[str, str], str] = field(default_factory=dict)  # field and value → the address read first with it

    @cached_property
    def accepted(self) -> dict[str, str]:
        """What somebody took in though it lacked something, and since when."""
        return Aside(self.archive.db).accepted(self.agency)

    @cached_property
    def usual(self) -> Usual:
        """The agency's habits; read when first asked for, which is before the crawl has kept anything."""
        return read_usual(self.archive.db, self.agency, self.accepted)

    def find_reason(self, release: Release, reading: Reading) -> list[Reason]:
        """Why a reading that differs from what is held is suspicious; nothing where it is not."""
        archive, state = self.archive, to_state(release)
        held = archive.last_of(reading.held) if reading.held is not None else archive.held(release.url)
        found = list(self.find_repeated(state, held, reading.visited))
        if held is None:
            found += [*self.find_missing(state), *self.find_thin_source(reading.visited)]
            if found and self.is_backlog(state, reading.visited):
                return []
        else:
            found += self.find_lost(state, held, reading)
        return list({reason.get("source") or reason["field"]: reason for reason in found}.values())

    def is_backlog(self, state: Mapping[str, Any], url: str) -> bool:
        """Whether a new release is one of the agency's old ones, for which its habits of today say nothing."""
        row = self.archive.frontier.get(url)
        day = state["published"] or state["updated"] or (row.listed if row else None)
        return is_backlog(self.archive.db, self.agency, url, day, self.usual.oldest)

    def is_anew(self, release: int | None) -> bool:
        """Whether a release was read last before somebody took in what the agency's new design lacks."""
        if release is None or not self.accepted:
            return False
        sql = "select v.seen from releases r join revisions v on v.id = r.revision where r.id = ?"
        seen = self.archive.db.execute(sql, [release]).fetchone()
        return seen is not None and seen[0] < max(self.accepted.values())

    def find_missing(self, state: Mapping[str, Any]) -> Iterator[Reason]:
        """What a new release lacks and the agency's usually have.

        Not when it was updated: many a site tells that only once there was an update.
        """
        for name in FIELDS:
            if name == "updated":
                continue
            habit = self.usual.habit(state["language"], state["kind"], name)
            share = None if state[name] else habit.share(name)
            if share is not None:
                yield {"field": name, "why": "missing", "usual": round(share, 2), "of": habit.of[name]}
        for name, length in measure(state).items():
            short = self.usual.habit(state["language"], state["kind"], name).short(name)
            if length < MUCH_SHORTER * short:
                yield {"field": name, "why": "short", "length": length, "usual": short}

    def find_lost(self, state: Mapping[str, Any], held: Held, reading: Reading) -> Iterator[Reason]:
        """What is held of a release and was not read this time, though it stands on the page, or in a new design.

        Or where other pages of the agency have lost the same already.
        """
        lost = {name: words_of(name, held.state) for name in FIELDS if held.state[name] and not state[name]}
        lost |= {"body": gone_from(held.state, state)}
        swapped = {
            name: {words for words in words_of(name, held.state) if words not in squeeze(state[name])}
            for name in ("title", "lead")
            if state[name]
        }
        missed = {name for name in lost | swapped if self.is_missed(name, state)}
        if not any((lost | swapped)[name] for name in missed):
            return
        page, old = read_text(reading.answer.body, reading.answer.url), self.witness.bytes_of(held)
        anew = old is not None and is_redesign(old, reading.answer.body, reading.answer.url)
        dying = {key for kept in Aside(self.archive.db).waiting(self.agency) for key in kept.keys}
        for name, words in lost.items():
            stands = stands_on(page, name, words, held.state)
            if name in missed and words and (stands or anew or name in dying):
                yield {"field": name, "why": "lost", "stands": stands}
        for name, words in swapped.items():
            if name in missed and words and (name in dying or page.holds(words)):
                yield {"field": name, "why": "swapped"}

    def is_missed(self, name: str, state: Mapping[str, Any]) -> bool:
        """Whether a field is missed where it is lost: not once somebody took in its lack, until it is usual again."""
        if name not in self.accepted:
            return True
        if name == "title":
            return name in self.usual.own
        return self.usual.habit(state["language"], state["kind"], name).is_whole(name)

    def find_repeated(self, state: Mapping[str, Any], held: Held | None, url: str) -> Iterator[Reason]:
        """What is the same as in another release, where each has its own: a rule that reads the page's furniture."""
        elsewhere = set()  # what another page of this crawl has said
        for name in self.usual.own:
            value = state[name]
            if value and self.read.setdefault((name, value), url) != url:
                elsewhere.add(name)
        known = {name for name in OWN if state[name] in self.usual.values[name]}
        if known >= {"title", "body"} and "body" not in elsewhere:
            return  # a release that stands at another address as well, or has moved there
        for name in sorted((elsewhere | known) & self.usual.own):
            if held is None or held.state[name] != state[name]:
                yield {"field": name, "why": "repeated"}

    def find_thin_source(self, url: str) -> Iterator[Reason]:
        """The source that named a new release first, where it lists far fewer than usual."""
        thin = find_thin(self.archive.db, self.agency)
        source = source_of(self.archive.db, url) if thin else None
        if source in thin:
            links, usual = thin[source]
            yield {"field": "source", "why": "few links", "source": source, "links": links, "usual": usual}


def words_of(name: str, state: Mapping[str, Any]) -> set[str]:
    """What a page would say that told a field's held value, as `squeeze` has it."""
    value: Any = state[name] or ()
    if name == "questions":
        texts = [part["question"] for part in value]
    elif name == "contacts":
        texts = [tell_part(part) for part in value]
    else:
        texts = value.split("\n") if isinstance(value, str) else value
    return set(filter(None, map(squeeze, texts)))


def gone_from(held: Mapping[str, Any], state: Mapping[str, Any]) -> set[str]:
    """The paragraphs of a held text that are not in another state's; none where most of it is."""
    text = squeeze(f"{state['lead'] or ''}{state['body']}")
    long = len(squeeze(f"{held['lead'] or ''}{held['body']}"))
    gone = {part for part in find_paragraphs({**held, "title": None, "questions": ()}) if part not in text}
    return gone if long >= LONG and sum(map(len, gone)) >= LOST * long else set()


def stands_on(page: PageText, name: str, words: set[str], held: Mapping[str, Any]) -> bool:
    """Whether the words of a field that was not read stand on the page all the same; of a text, half of them."""
    if name == "body":
        return sum(len(part) for part in words if part in page.whole) * 2 >= sum(map(len, words))
    if name in ("published", "updated"):
        told = held[f"{name}_text"]
        return bool(told) and (squeeze(told) in page.whole or told in page.source)
    return page.holds(words)


def tell(reason: list[Reason]) -> str:
    """Why something was put aside, in a line.

    >>> tell([{"field": "lead", "why": "missing", "usual": 0.98, "of": 120}])
    'lead is missing, which 98 % of 120 had'
    """
    return "; ".join(map(tell_one, reason))


def tell_one(reason: Reason) -> str:
    """One reason in words."""
    name, why = reason["field"], reason["why"]
    if why == "missing":
        return f"{name} is missing, which {reason['usual']:.0%} of {reason['of']} had".replace("%", " %")
    if why == "short":
        return f"{name} has {reason['length']} letters, where next to none had less than {reason['usual']}"
    if why == "swapped":
        return f"{name} is another, though the one that is held stands on the page"
    if why == "few links":
        return f"{reason['source']} lists {reason['links']} releases, usually {reason['usual']}"
    if why == "repeated":
        return f"{name} is another release's as well"
    return f"{name} is held and was not read" + (", though its words stand on the page" if reason["stands"] else "")
