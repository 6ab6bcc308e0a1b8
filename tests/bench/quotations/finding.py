"""Compares the quotations found with labelled ones (labels.md says how they were labelled).

`spans` counts quotations whose words are equal, `speaker` those whose name is right as well, both
of all that are labelled; `role` those whose role is exact, of those whose words and name are right.
Intervals: 95 %, over releases.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from archive.quotes.speakers import find_quotes
from archive.store.import_lines import parse_release
from tests.bench.collection import AGENCY, COLLECTION, TEXTS
from tests.bench.figures import judge
from tests.bench.graded import resample_interval

LABELS = Path(__file__).with_name("quotes.tsv")
FRESH_LABELS = Path(__file__).with_name("quotes_fresh.tsv")
PARTS = ("rules", "test", "fresh")
TARGETS = {"spans": 0.95, "speaker": 0.95, "role": 0.90}
SHARES = {  # part and whole
    "spans": ("spans", "labelled"),
    "speaker": ("speaker", "labelled"),
    "role": ("role", "speaker"),
    "role printed with it": ("own_roles", "own_role_labels"),
}
HASH_DIGITS = 16

Texts = Mapping[str, str]  # by field
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name or role is printed in a release."""

    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLabel:
    """A row of quotes.tsv."""

    url: str
    kind: str
    how: str
    forms: tuple[str, ...]
    field: str
    spans: tuple[Span, ...]
    speaker: tuple[Place, ...]
    role: tuple[Place, ...]
    agency: tuple[Place, ...]
    digest: str

    @property
    def is_test(self) -> bool:
        return int(hashlib.sha256(self.url.encode()).hexdigest(), 16) % 3 == 0

    @property
    def scored_forms(self) -> set[str]:
        """Return the forms whose scores it counts in."""
        if self.forms == ("plain",):
            return {"plain"}
        return {*self.forms, self.how, "all but plain"} - {"dash"}

    def hash(self, texts: Texts) -> str:
        """Return the hash of what the row refers to in these texts."""
        places = [Place(self.field, start, end) for start, end in self.spans]
        parts = [*read_places((*places, *self.speaker, *self.role, *self.agency), texts)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:HASH_DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundQuote:
    """What a finder yields for a quotation."""

    field: str
    spans: tuple[Span, ...]
    speaker: str | None = None
    role: str | None = None


Finder = Callable[[Texts], Iterable[FoundQuote]]


# Labels


def read_part(part: str) -> list[QuoteLabel]:
    """Return the labels of one of PARTS."""
    if part == "fresh":
        return read_labels(FRESH_LABELS)
    return [label for label in read_labels() if label.is_test == (part == "test")]


def read_labels(path: Path = LABELS) -> list[QuoteLabel]:
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]
    return [
        QuoteLabel(
            url=url,
            kind=kind,
            how=how,
            forms=tuple(filter(None, forms.split(","))),
            field=field,
            spans=tuple(map(parse_span, spans.split())),
            speaker=tuple(map(parse_place, speaker.split())),
            role=tuple(map(parse_place, role.split())),
            agency=tuple(map(parse_place, agency.split())),
            digest=digest,
        )
        for url, kind, how, forms, field, spans, speaker, role, agency, digest in rows
    ]


def parse_span(text: str) -> Span:
    start, end = map(int, text.split("-"))
    return start, end


def parse_place(text: str) -> Place:
    field, span = text.split(":")
    return Place(field, *parse_span(span))


def read_texts(urls: Iterable[str]) -> dict[str, Texts]:
    """Return by URL the texts of releases of the collection, as the archive stores them.

    Raises FileNotFoundError if the collection is absent, KeyError with the first URL that it does
    not have.
    """
    texts: dict[str, Texts] = {}
    wanted = set(urls)
    with gzip.open(COLLECTION, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["url"] in wanted:
                release, _ = parse_release(row, AGENCY)
                texts[release.url] = {field: getattr(release, field) or "" for field in TEXTS}
    if missing := wanted - texts.keys():
        raise KeyError(min(missing))
    return texts


def check_labels(labels: Iterable[QuoteLabel], texts: Mapping[str, Texts]) -> None:
    """Raise ValueError with URL and spans of the first label whose text is not the labelled one."""
    for label in labels:
        if label.spans and label.hash(texts[label.url]) != label.digest:
            raise ValueError(
                f"{label.url}: the text of {label.field} at {label.spans} is not the labelled one"
            )


def read_places(places: Iterable[Place], texts: Texts) -> Iterator[str]:
    for place in places:
        yield texts[place.field][place.start : place.end]


# Scores: labelled, spans, speaker, role; own_roles and own_role_labels (as `role`, but only where
# the role is printed in the quotation's own paragraph); extra (found, but neither labelled nor
# open); traps and trapped

Score = Counter[str]


def score_release(
    labels: Sequence[QuoteLabel], texts: Texts, found: Sequence[FoundQuote]
) -> tuple[Score, dict[str, Score], list[str]]:
    """Score what was found in a release: in all, by form, and what is wrong."""
    score, by_form, misses = Score(), defaultdict[str, Score](Score), list[str]()
    left = list(found)

    def note(problem: str, quote: FoundQuote | QuoteLabel, match: FoundQuote | None) -> None:
        misses.append(f"{problem}: {labels[0].url}\n  {quote_text(quote, texts)}\n  {match}")

    for label in labels:
        if label.kind != "quote":
            continue
        matches = (
            each for each in left if overlaps(each, label) and has_same_words(each, label, texts)
        )
        match = next(matches, None)
        if match:
            left.remove(match)
        problem, counts = score_match(label, texts, match)
        score.update(counts)
        for form in label.scored_forms:
            by_form[form].update(counts)
        if problem:
            note(problem, label, match)
    for label in labels:
        if label.kind == "trap":
            trapped = [each for each in left if overlaps(each, label)]
            score.update(traps=1, trapped=bool(trapped))
            for each in trapped:
                note("trap", each, each)
    open_ones = [label for label in labels if label.kind == "open"]
    unknown = [each for each in left if not any(overlaps(each, label) for label in open_ones)]
    score.update(extra=len(unknown))
    for each in unknown:
        note("extra", each, each)
    return score, by_form, misses


def score_match(
    label: QuoteLabel, texts: Texts, match: FoundQuote | None
) -> tuple[str | None, dict[str, int]]:
    """Return what is wrong with what was found for a label, and what it counts."""
    if match is None:
        return "spans", {"labelled": 1}
    is_speaker = is_same_name(match.speaker, [*read_places(label.speaker, texts)])
    is_role = is_same_role(match.role, [*read_places(label.role, texts)])
    is_own = not label.role or any(is_near(place, label, texts) for place in label.role)
    counts = {"labelled": 1, "spans": 1, "speaker": is_speaker, "role": is_speaker and is_role}
    counts["own_role_labels"] = is_speaker and is_own
    counts["own_roles"] = is_speaker and is_own and is_role
    return ("speaker" if not is_speaker else None if is_role else "role"), counts


def overlaps(found: FoundQuote, label: QuoteLabel) -> bool:
    return found.field == label.field and any(
        start < label_end and label_start < end
        for start, end in found.spans
        for label_start, label_end in label.spans
    )


def quote_text(quote: FoundQuote | QuoteLabel, texts: Texts) -> str:
    return " ".join(texts[quote.field][start:end] for start, end in quote.spans)


def has_same_words(found: FoundQuote, label: QuoteLabel, texts: Texts) -> bool:
    return re.findall(r"\w+", quote_text(found, texts)) == re.findall(
        r"\w+", quote_text(label, texts)
    )


def is_same_name(name: str | None, names: Sequence[str]) -> bool:
    """Return whether a name is one of these, or whole words of one. No name is right if there is
    none.

    >>> is_same_name("Ek", ["Anna Ek"]), is_same_name("VD Anna Ek", ["Anna Ek"]), is_same_name(None, [])
    (True, False, True)
    """
    words = set((name or "").split())
    return any(words <= set(each.split()) for each in names) if words else not names


def is_same_role(role: str | None, roles: Sequence[str]) -> bool:
    """Return whether a role is one of these, but for white space and capitals.

    No role is right if there is none.
    """
    given = " ".join((role or "").split()).casefold()
    return given in {" ".join(each.split()).casefold() for each in roles or [""]}


def is_near(place: Place, label: QuoteLabel, texts: Texts) -> bool:
    """Return whether a place is in the paragraph where the label begins or in the one where it
    ends.
    """
    text = texts[label.field]
    (start, _), (_, end) = label.spans[0], label.spans[-1]
    first, last = text.rfind("\n", 0, start), text.find("\n", end)
    return place.field == label.field and first < place.start and (last < 0 or place.end <= last)


# The report


def measure_finder(
    finder: Finder, labels: Iterable[QuoteLabel], texts: Mapping[str, Texts]
) -> tuple[list[Score], dict[str, list[Score]], list[str]]:
    """Run a finder on each labelled release, and return the scores by release, also by form, and
    the misses.
    """
    scores, by_form, misses = list[Score](), defaultdict[str, list[Score]](list), list[str]()
    releases: dict[str, list[QuoteLabel]] = defaultdict(list)
    for label in labels:
        releases[label.url].append(label)
    for url, group in releases.items():
        score, forms, wrong = score_release(group, texts[url], [*finder(texts[url])])
        scores.append(score)
        for form, form_score in forms.items():
            by_form[form].append(form_score)
        misses += wrong
    return scores, by_form, misses


def add_up(scores: Sequence[Score], name: str) -> int:
    return sum(score[name] for score in scores)


def share(scores: Sequence[Score], part: str, whole: str) -> float:
    return add_up(scores, part) / (add_up(scores, whole) or 1)


def format_scores(scores: Sequence[Score], by_form: Mapping[str, Sequence[Score]]) -> Iterator[str]:
    """Yield the lines of the table, those of missed targets as Missed."""
    yield f"{len(scores)} releases, {add_up(scores, 'labelled')} quotations"
    for name, (part, whole) in SHARES.items():
        low, high = resample_interval(scores, partial(share, part=part, whole=whole))
        found, least = share(scores, part, whole), TARGETS.get(name)
        yield f"{name:22}{found:.3f} [{low:.3f}, {high:.3f}]"
        if least is not None:
            yield judge(f"share of {name}", found, least=least)
    extra = add_up(scores, "extra")
    yield f"{'found, not labelled':22}{extra} of {add_up(scores, 'spans') + extra}"
    yield judge(f"traps, of {add_up(scores, 'traps')}", add_up(scores, "trapped"), most=0)
    yield f"\n{'form':14}{'labelled':>9}{'spans':>8}{'speaker':>9}{'role':>8}"
    for form, found_scores in sorted(
        by_form.items(), key=lambda item: -add_up(item[1], "labelled")
    ):
        spans, speaker, role = (share(found_scores, *SHARES[name]) for name in TARGETS)
        number = add_up(found_scores, "labelled")
        yield f"{form:14}{number:>9}{spans:8.2f}{speaker:9.2f}{role:8.2f}"


def measure_finding(part: str = "rules", shown: int = 0) -> Iterator[str]:
    """Yield the lines of the table of one of PARTS, and so many of the misses."""
    labels = read_part(part)
    texts = read_texts(label.url for label in labels)
    check_labels(labels, texts)
    finder = cast("Finder", find_quotes)  # yields quotes with the same attributes
    scores, by_form, misses = measure_finder(finder, labels, texts)
    yield from format_scores(scores, by_form)
    yield from (f"\n{miss}" for miss in misses[:shown])
