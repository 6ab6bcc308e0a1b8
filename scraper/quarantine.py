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
    HABIT_FIELDS,
    MAX_SHORT_RATIO,
    UNIQUE_FIELDS,
    FieldHabits,
    Quarantine,
    QuarantineReason,
    find_short_sources,
    find_source_url,
    is_backfill,
    measure_lengths,
    read_field_habits,
)
from scraper.redesign import PageText, identify_part, is_redesign, iter_paragraphs, read_page_text, to_comparable_text

if TYPE_CHECKING:
    from archive.models import Release
    from archive.store import Archive, StoredRelease
    from scraper.ingest import CrawlRecorder
    from scraper.items import ParsedPage

MIN_BODY_LENGTH = 400  # letters of a text that can collapse
LOST_SHARE = 2 / 3  # of its letters, the share that is not read any more


@dataclass
class QuarantineCheck:
    """One agency's habits as they were when the crawl began, and what it has read since."""

    archive: Archive
    recorder: CrawlRecorder
    agency: str
    first_url_with: dict[tuple[str, str], str] = field(
        default_factory=dict
    )  # field and value → the address read first with it

    @cached_property
    def accepted_losses(self) -> dict[str, str]:
        """What somebody took in though it lacked something, and since when."""
        return Quarantine(self.archive.db).read_accepted_losses(self.agency)

    @cached_property
    def habits(self) -> FieldHabits:
        """The agency's habits; read when first asked for, which is before the crawl has kept anything."""
        return read_field_habits(self.archive.db, self.agency, self.accepted_losses)

    def find_reasons(self, release: Release, page: ParsedPage) -> list[QuarantineReason]:
        """Why a reading that differs from what is held is suspicious; nothing where it is not."""
        archive, state = self.archive, to_state(release)
        held = archive.get_latest(page.release_id) if page.release_id is not None else archive.get(release.url)
        found = list(self.find_repeated_values(state, held, page.url))
        if held is None:
            found += [*self.find_missing_fields(state), *self.find_short_source(page.url)]
            if found and self.is_backfilled(state, page.url):
                return []
        else:
            found += self.find_lost_fields(state, held, page)
        return list({reason.get("source") or reason["field"]: reason for reason in found}.values())

    def is_backfilled(self, state: Mapping[str, Any], url: str) -> bool:
        """Whether a new release is one of the agency's old ones, for which its habits of today say nothing."""
        row = self.archive.frontier.get(url)
        day = state["published"] or state["updated"] or (row.listed if row else None)
        return is_backfill(self.archive.db, self.agency, url, day, self.habits.oldest)

    def predates_accepted_loss(self, release_id: int | None) -> bool:
        """Whether a release was read last before somebody took in what the agency's new design lacks."""
        if release_id is None or not self.accepted_losses:
            return False
        sql = "select v.seen from releases r join revisions v on v.id = r.revision where r.id = ?"
        seen = self.archive.db.execute(sql, [release_id]).fetchone()
        return seen is not None and seen[0] < max(self.accepted_losses.values())

    def find_missing_fields(self, state: Mapping[str, Any]) -> Iterator[QuarantineReason]:
        """What a new release lacks and the agency's usually have.

        Not when it was updated: many a site tells that only once there was an update.
        """
        for name in HABIT_FIELDS:
            if name == "updated":
                continue
            habit = self.habits.group_for(state["language"], state["kind"], name)
            share = None if state[name] else habit.usual_share(name)
            if share is not None:
                yield {"field": name, "why": "missing", "usual": round(share, 2), "of": habit.total_counts[name]}
        for name, length in measure_lengths(state).items():
            short = self.habits.group_for(state["language"], state["kind"], name).short_length(name)
            if length < MAX_SHORT_RATIO * short:
                yield {"field": name, "why": "short", "length": length, "usual": short}

    def find_lost_fields(
        self, state: Mapping[str, Any], stored: StoredRelease, page: ParsedPage
    ) -> Iterator[QuarantineReason]:
        """What is held of a release and was not read this time, though it stands on the page, or in a new design.

        Or where other pages of the agency have lost the same already.
        """
        lost = {
            name: find_field_texts(name, stored.state)
            for name in HABIT_FIELDS
            if stored.state[name] and not state[name]
        }
        lost |= {"body": find_lost_paragraphs(stored.state, state)}
        swapped = {
            name: {
                words for words in find_field_texts(name, stored.state) if words not in to_comparable_text(state[name])
            }
            for name in ("title", "lead")
            if state[name]
        }
        missed = {name for name in lost | swapped if self.is_loss_suspicious(name, state)}
        if not any((lost | swapped)[name] for name in missed):
            return
        page_text, old = read_page_text(page.response.body, page.response.url), self.recorder.read_newest_body(stored)
        anew = old is not None and is_redesign(old, page.response.body, page.response.url)
        dying = {key for kept in Quarantine(self.archive.db).list_pending(self.agency) for key in kept.reason_keys}
        for name, words in lost.items():
            stands = is_text_on_page(page_text, name, words, stored.state)
            if name in missed and words and (stands or anew or name in dying):
                yield {"field": name, "why": "lost", "stands": stands}
        for name, words in swapped.items():
            if name in missed and words and (name in dying or page_text.contains(words)):
                yield {"field": name, "why": "swapped"}

    def is_loss_suspicious(self, name: str, state: Mapping[str, Any]) -> bool:
        """Whether a field is missed where it is lost: not once somebody took in its lack, until it is usual again."""
        if name not in self.accepted_losses:
            return True
        if name == "title":
            return name in self.habits.unique_fields
        return self.habits.group_for(state["language"], state["kind"], name).is_usual_again(name)

    def find_repeated_values(
        self, state: Mapping[str, Any], stored: StoredRelease | None, url: str
    ) -> Iterator[QuarantineReason]:
        """What is the same as in another release, where each has its own: a rule that reads the page's furniture."""
        elsewhere = set()  # what another page of this crawl has said
        for name in self.habits.unique_fields:
            value = state[name]
            if value and self.first_url_with.setdefault((name, value), url) != url:
                elsewhere.add(name)
        known = {name for name in UNIQUE_FIELDS if state[name] in self.habits.known_values[name]}
        if known >= {"title", "body"} and "body" not in elsewhere:
            return  # a release that stands at another address as well, or has moved there
        for name in sorted((elsewhere | known) & self.habits.unique_fields):
            if stored is None or stored.state[name] != state[name]:
                yield {"field": name, "why": "repeated"}

    def find_short_source(self, url: str) -> Iterator[QuarantineReason]:
        """The source that named a new release first, where it lists far fewer than usual."""
        thin = find_short_sources(self.archive.db, self.agency)
        source = find_source_url(self.archive.db, url) if thin else None
        if source in thin:
            links, usual = thin[source]
            yield {"field": "source", "why": "few links", "source": source, "links": links, "usual": usual}


def find_field_texts(name: str, state: Mapping[str, Any]) -> set[str]:
    """What a page would say that told a field's held value, as `squeeze` has it."""
    value: Any = state[name] or ()
    if name == "questions":
        texts = [part["question"] for part in value]
    elif name == "contacts":
        texts = [identify_part(part) for part in value]
    else:
        texts = value.split("\n") if isinstance(value, str) else value
    return set(filter(None, map(to_comparable_text, texts)))


def find_lost_paragraphs(stored_state: Mapping[str, Any], state: Mapping[str, Any]) -> set[str]:
    """The paragraphs of a held text that are not in another state's; none where most of it is."""
    text = to_comparable_text(f"{state['lead'] or ''}{state['body']}")
    long = len(to_comparable_text(f"{stored_state['lead'] or ''}{stored_state['body']}"))
    gone = {part for part in iter_paragraphs({**stored_state, "title": None, "questions": ()}) if part not in text}
    return gone if long >= MIN_BODY_LENGTH and sum(map(len, gone)) >= LOST_SHARE * long else set()


def is_text_on_page(page: PageText, name: str, texts: set[str], stored_state: Mapping[str, Any]) -> bool:
    """Whether the words of a field that was not read stand on the page all the same; of a text, half of them."""
    if name == "body":
        return sum(len(part) for part in texts if part in page.text) * 2 >= sum(map(len, texts))
    if name in ("published", "updated"):
        told = stored_state[f"{name}_text"]
        return bool(told) and (to_comparable_text(told) in page.text or told in page.source)
    return page.contains(texts)


def describe_reasons(reasons: list[QuarantineReason]) -> str:
    """Why something was put aside, in a line.

    >>> describe_reasons([{"field": "lead", "why": "missing", "usual": 0.98, "of": 120}])
    'lead is missing, which 98 % of 120 had'
    """
    return "; ".join(map(describe_reason, reasons))


def describe_reason(reason: QuarantineReason) -> str:
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
