"""Quarantine checks: find pages that a parser rule may have misread, so that they are not stored.

Only pages that would change the archive are checked. New releases are compared with what the
agency's releases usually contain, and pages of stored releases with the stored state. It is not
suspicious if both a field and its text have disappeared from a page whose template is unchanged,
because the agency has then edited the page. Impossible dates, a body that disagrees with other
readings of its page (scraper.pages.body_check), and a body that consists of lines of other releases
are suspicious on any page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from archive.database.models import Release
from archive.database.quarantined_pages import (
    HABIT_FIELDS,
    MAX_SHORT_RATIO,
    UNIQUE_FIELDS,
    FieldHabits,
    Quarantine,
    QuarantinedPage,
    QuarantineReason,
    is_page_reason,
    measure_lengths,
    read_field_habits,
    reason_key,
    split_lines,
)
from archive.store.releases import Archive, PreparedRelease, StoredRelease
from scraper.agency import is_wire_url
from scraper.ingest.candidates import CrawlSituation, PageVersions
from scraper.ingest.edit_or_redesign import (
    PageText,
    identify_part,
    is_redesign,
    iter_paragraphs,
    to_comparable_text,
)
from scraper.ingest.parsed_page import ParsedPage
from scraper.items import ReleaseItem

MIN_BODY_LENGTH = 400  # characters; shorter bodies cannot lose enough text to be suspicious
LOST_SHARE = 2 / 3  # share of a body's characters that must disappear to be suspicious
MAX_REPEATED_SHARE = 0.9  # share of a body's characters; many texts end with the same few lines
MAX_CLOCK_DIFFERENCE = timedelta(days=1)  # allowance for wrong clocks and time zones
MAX_DAYS_AFTER_UPDATE = 2 * 365  # agencies correct publication dates, but not by years
REASON_TEXTS = {
    "missing": "{field} is missing, but {usual:.0%} of {of} releases have it",
    "short": "{field} has {length} characters, but hardly any release has fewer than {usual}",
    "lost": "{field} is stored but was not read",
    "swapped": "{field} was read as another text, but the stored one is still on the page",
    "repeated": "{field} is the same as that of another release",
    "future": "{field} is {value}, after the page was fetched ({fetched})",
    "after update": "{field} is {value}, years after the page was updated ({updated})",
    "doubtful": "{field} {doubt}",
    "boilerplate": (
        "{share:.0%} of {field} are lines that other releases have too, such as {line!r}"
    ),
    "few links": "{source} lists {links} releases, usually {usual}",
}
# PAGE_REASONS as worded in reports that count pages
PAGE_PROBLEMS = {
    "future": "{field} in the future",
    "after update": "{field} years after the update",
    "doubtful": "{field} doubted",
    "boilerplate": "{field} of lines that other releases have",
}


@dataclass
class QuarantineCheck:
    """The checks of one agency's pages in one crawl.

    on_wire: whether the pages are at press wires. Otherwise, they are on the agency's own site.

    What the agency's releases usually contain (its habits) is read from the archive once, before
    the crawl stores anything. These habits are read separately for pages at press wires, because
    such pages usually have other fields, and because their titles may also occur on the agency's
    site.
    """

    archive: Archive
    agency: str
    on_wire: bool = False
    # (field, value) → first URL with it in this crawl
    first_url_with: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def accepted_losses(self) -> dict[str, str]:
        return Quarantine(self.archive.db).read_accepted_losses(self.agency)

    @cached_property
    def habits(self) -> FieldHabits:
        return read_field_habits(
            self.archive.db,
            self.agency,
            self.accepted_losses,
            lambda url: is_wire_url(url) == self.on_wire,
        )

    @cached_property
    def accepted_lines(self) -> set[str]:
        return Quarantine(self.archive.db).read_accepted_lines(self.agency)

    def find_reasons(
        self,
        prepared: PreparedRelease,
        page: ParsedPage,
        stored: StoredRelease | None,
        versions: PageVersions,
        situation: CrawlSituation,
    ) -> list[QuarantineReason]:
        """Return the reasons why a new or changed page is suspicious, or [] if there are none."""
        release, state = prepared.release, prepared.state
        found = list(self.find_repeated_values(state, stored, page.url))
        if stored is None:
            found += [*self.find_missing_fields(state), *_find_short_source(situation)]
            if found and self.is_backfilled(state, situation):
                found = []  # today's habits do not apply to a release that is too old
        else:
            found += self.find_lost_fields(state, stored, release.url, versions, situation)
        found = list({reason_key(reason): reason for reason in found}.values())
        found += find_doubts(release, page.item, page.response.fetched_at)
        return [*found, *self.find_repeated_lines(release.url, state, stored)]

    def is_backfilled(self, state: Mapping[str, Any], situation: CrawlSituation) -> bool:
        """Return whether a new release may be older than the releases with which it is compared."""
        entry = situation.entry
        day = state["published"] or state["updated"] or (entry.listed_at if entry else None)
        return situation.is_backfill or (day is not None and day < self.habits.oldest)

    def predates_accepted_loss(self, stored: StoredRelease | None) -> bool:
        """Return whether a release was last read before an operator last accepted a field loss."""
        if stored is None or not self.accepted_losses:
            return False
        return stored.seen < max(self.accepted_losses.values())

    def find_missing_fields(self, state: Mapping[str, Any]) -> Iterator[QuarantineReason]:
        """Yield a reason for each field that is missing or unusually short in a new release.

        The release is compared with other releases of its agency.
        """
        for name in HABIT_FIELDS:
            count = self.habits.group_for(state, name).counts[name]
            # many sites only show `updated` after an edit
            if not state[name] and name != "updated" and count.is_usual:
                yield {
                    "field": name,
                    "why": "missing",
                    "usual": round(count.share, 2),
                    "of": count.pages,
                }
        for name, length in measure_lengths(state).items():
            short = self.habits.group_for(state, name).short_length(name)
            if length < MAX_SHORT_RATIO * short:
                yield {"field": name, "why": "short", "length": length, "usual": short}

    def find_lost_fields(
        self,
        state: Mapping[str, Any],
        stored: StoredRelease,
        url: str,
        versions: PageVersions,
        situation: CrawlSituation,
    ) -> Iterator[QuarantineReason]:
        """Yield a reason for each stored field that seems to be lost or swapped.

        A field that is missing from the new state counts as lost if its text is still on the page,
        if the template is new, or if other pages in quarantine have lost the same field. A title or
        lead with a new text counts as swapped if its stored text is still on the page, or if other
        pages in quarantine have lost that field.
        """
        lost = self.select_suspicious(_find_lost_texts(stored.state, state), state)
        swapped = self.select_suspicious(_find_swapped_texts(stored.state, state), state)
        if not lost and not swapped:
            return
        page_text, old = versions.new.text(versions.new.url), versions.newest(stored, url)
        assert page_text is not None  # noqa: S101 - bytes can only be missing for a stored version
        redesigned = old is not None and is_redesign(old, versions.new)
        lost_elsewhere = situation.lost_elsewhere
        for name, texts in lost.items():
            still_there = _is_text_on_page(page_text, name, texts, stored.state)
            if still_there or redesigned or name in lost_elsewhere:
                yield {"field": name, "why": "lost", "stands": still_there}
        for name, texts in swapped.items():
            if name in lost_elsewhere or page_text.contains(texts):
                yield {"field": name, "why": "swapped"}

    def select_suspicious(
        self, texts_by_field: Mapping[str, set[str]], state: Mapping[str, Any]
    ) -> dict[str, set[str]]:
        """Return a map from each field whose loss is suspicious to the field's texts."""
        return {
            name: texts
            for name, texts in texts_by_field.items()
            if texts and self.is_loss_suspicious(name, state)
        }

    def is_loss_suspicious(self, name: str, state: Mapping[str, Any]) -> bool:
        """Return whether the loss of a field is suspicious.

        Once the loss of a field has been accepted, it is not suspicious until the agency's releases
        usually contain the field again.
        """
        if name not in self.accepted_losses:
            return True
        if name == "title":
            return name in self.habits.unique_fields
        return self.habits.group_for(state, name).is_usual_again(name)

    def find_repeated_values(
        self, state: Mapping[str, Any], stored: StoredRelease | None, url: str
    ) -> Iterator[QuarantineReason]:
        """Yield a reason for each field whose value is the same as in another release.

        Only fields whose values usually differ between releases are checked. If such a value is
        repeated, the parser probably read it from a part of the page that all pages share.
        """
        repeated = self.find_repeated_in_crawl(state, url)
        known = {name for name in UNIQUE_FIELDS if state[name] in self.habits.known_values[name]}
        if known >= {"title", "body"} and "body" not in repeated:
            return  # the release has moved, or is at another URL as well
        for name in sorted((repeated | known) & self.habits.unique_fields):
            if stored is None or stored.state[name] != state[name]:
                yield {"field": name, "why": "repeated"}

    def find_repeated_in_crawl(self, state: Mapping[str, Any], url: str) -> set[str]:
        """Return the fields that have the same value as on another page of this crawl.

        The values of this page are remembered for later calls.
        """
        repeated = set()
        for name in self.habits.unique_fields:
            value = state[name]
            if value and self.first_url_with.setdefault((name, value), url) != url:
                repeated.add(name)
        return repeated

    def find_repeated_lines(
        self, url: str, state: Mapping[str, Any], stored: StoredRelease | None
    ) -> Iterator[QuarantineReason]:
        """Yield a reason if the body mostly consists of lines that are also in other releases.

        Such lines are, for example, those of a footer or an address. The lines of this body are
        counted for later calls.
        """
        known = self.habits.repeated_lines
        share, lines = self.measure_repeated_lines(url, state["body"])
        known.add(url, state["body"])
        if share <= MAX_REPEATED_SHARE:
            return
        if (
            stored
            and self.measure_repeated_lines(url, stored.state["body"])[0] > MAX_REPEATED_SHARE
        ):
            return  # it was stored in the same form before
        yield {
            "field": "body",
            "why": "boilerplate",
            "share": round(share, 2),
            "line": max(lines, key=len)[:80],
        }

    def measure_repeated_lines(self, url: str, body: str) -> tuple[float, list[str]]:
        """Return the repeated lines' share (0 to 1) of a body's characters, and these lines.

        A repeated line is one that also occurs on other pages and has not been accepted.
        """
        lines = [
            line
            for line in self.habits.repeated_lines.find(url, body)
            if line not in self.accepted_lines
        ]
        total = sum(map(len, split_lines(body)))
        return (sum(map(len, lines)) / total if total else 0.0), lines


def _find_short_source(situation: CrawlSituation) -> Iterator[QuarantineReason]:
    """Yield a reason if a new release comes from a source that lists far fewer releases than usual.

    The source is the one in which the release was first found.
    """
    entry = situation.entry
    if entry and entry.source and entry.source in situation.short_sources:
        links, usual = situation.short_sources[entry.source]
        yield {
            "field": "source",
            "why": "few links",
            "source": entry.source,
            "links": links,
            "usual": usual,
        }


def find_doubts(
    release: Release, item: ReleaseItem, fetched_at: datetime
) -> Iterator[QuarantineReason]:
    """Yield the reasons why a page is suspicious even without a comparison.

    The possible reasons are a publication date after the fetch, a publication date years after the
    page's last update, and a doubt that the parser itself reported.
    """
    if item.doubt:
        yield {"field": "body", "why": "doubtful", "doubt": item.doubt}
    published, updated = (
        value.date() if isinstance(value, datetime) else value
        for value in (release.published, release.updated)
    )
    if published is None or release.published is None:
        return
    reason = {"field": "published", "value": release.published.isoformat()}
    if published > (fetched_at + MAX_CLOCK_DIFFERENCE).date():
        yield {**reason, "why": "future", "fetched": fetched_at.date().isoformat()}
    elif updated and release.updated and (published - updated).days > MAX_DAYS_AFTER_UPDATE:
        yield {**reason, "why": "after update", "updated": release.updated.isoformat()}


def _find_field_texts(name: str, state: Mapping[str, Any]) -> set[str]:
    """Return the texts that a page must contain if it shows a field's stored value.

    The texts are in the form that `to_comparable_text` returns.
    """
    value: Any = state[name] or ()
    if name == "questions":
        texts = [part["question"] for part in value]
    elif name == "contacts":
        texts = [identify_part(part) for part in value]
    else:
        texts = value.split("\n") if isinstance(value, str) else value
    return set(filter(None, map(to_comparable_text, texts)))


def _find_lost_texts(
    stored_state: Mapping[str, Any], state: Mapping[str, Any]
) -> dict[str, set[str]]:
    """Return a map from each field that `state` has lost to the field's stored texts.

    For the body, these are the lost paragraphs.
    """
    lost = {
        name: _find_field_texts(name, stored_state)
        for name in HABIT_FIELDS
        if stored_state[name] and not state[name]
    }
    return lost | {"body": _find_lost_paragraphs(stored_state, state)}


def _find_swapped_texts(
    stored_state: Mapping[str, Any], state: Mapping[str, Any]
) -> dict[str, set[str]]:
    """Return a map from `title` and `lead` to the stored texts that the field no longer contains.

    A field that is now empty is left out.
    """
    swapped = {}
    for name in ("title", "lead"):
        if state[name]:
            text = to_comparable_text(state[name])
            stored_texts = _find_field_texts(name, stored_state)
            swapped[name] = {stored for stored in stored_texts if stored not in text}
    return swapped


def _find_lost_paragraphs(stored_state: Mapping[str, Any], state: Mapping[str, Any]) -> set[str]:
    """Return the paragraphs of a stored lead and body that are no longer in the lead or body.

    The result is empty unless the stored text is long and these paragraphs make up most of it.
    """
    text = to_comparable_text(f"{state['lead'] or ''}{state['body']}")
    stored_length = len(to_comparable_text(f"{stored_state['lead'] or ''}{stored_state['body']}"))
    lost = {
        part
        for part in iter_paragraphs({**stored_state, "title": None, "questions": ()})
        if part not in text
    }
    return (
        lost
        if stored_length >= MIN_BODY_LENGTH and sum(map(len, lost)) >= LOST_SHARE * stored_length
        else set()
    )


def _is_text_on_page(
    page: PageText, name: str, texts: set[str], stored_state: Mapping[str, Any]
) -> bool:
    """Return whether the text of a lost field is still on the page.

    For a body, at least half of the lost text must be on the page.
    """
    if name == "body":
        return sum(len(part) for part in texts if part in page.text) * 2 >= sum(map(len, texts))
    if name in ("published", "updated"):
        date_text = stored_state[f"{name}_text"]
        return bool(date_text) and page.mentions(date_text)
    return page.contains(texts)


def describe_reasons(reasons: list[QuarantineReason]) -> str:
    """Describe the reasons for a quarantine in one line.

    >>> describe_reasons([{"field": "lead", "why": "missing", "usual": 0.98, "of": 120}])
    'lead is missing, but 98% of 120 releases have it'
    """
    return "; ".join(
        REASON_TEXTS[reason["why"]].format(**reason)
        + (", but its text is still on the page" if reason.get("stands") else "")
        for reason in reasons
    )


def list_symptoms(page: QuarantinedPage) -> set[str]:
    """Return the fields that a page has lost, and descriptions of its other problems."""
    problems = (
        PAGE_PROBLEMS[reason["why"]].format(**reason)
        for reason in page.reasons
        if is_page_reason(reason)
    )
    return {*page.lost_keys, *problems}
