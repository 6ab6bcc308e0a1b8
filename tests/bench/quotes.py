"""`python -m tests.bench.quotes [--finder MODULE:FUNCTION] [--part PART] [--misses N]`: are
quotations found?

`quotes.tsv` has every quotation in 207 releases of the shared collection, and places that look like
one and are not. Where the text is, and a hash of it; the text itself is not stored here:

url      of the release; its text is the one that the archive stores on import (`parse_release`: NFC, no-break spaces
         are spaces, soft hyphens are gone, Markdown is plain text, a lead that opens the body is
         cut off there)
kind     quote; trap: not a quotation; open: the judge could not decide, so finding it is neither right nor wrong;
         none: a release without any of these
how      quote: dash, marks, interview (an answer to a printed question), block (introduced by a line)
         trap: list, title (in marks), word (a term in marks), indirect (speech), lead (repeated in
         the body), link, colon (a name or theme before a colon), narration (a dash by mistake)
form     what is unusual about a quotation, or plain: hyphen ("- "), glyph (another dash, or no space), verb (not
         "säger"), after (the role follows the name), earlier (its own paragraph attributes
         nothing), pronoun (the attribution has only a pronoun, role or first name), tail (words
         follow name and role), interrupted, english, comma (the comma before "säger" is missing,
         stands after it, or is a full stop)
field    title, lead or body
spans    of the quotation's words in the field, as offsets `start-end`
speaker  the name as printed, `field:start-end`; several: either is right; none: no name is printed for the speaker
role     as printed, with the body if it is a part of it ("talesperson för …"); several: either is right
agency   the body, party or unit that the speaker is said to belong to
sha256   the first 16 digits, of spans, speaker, role and agency, joined by line ends

How the labels were made. Releases of less than 5,000 characters (English ones 6,000, interviews
7,000) were drawn with a fixed seed, so that rare forms occur: 46 with a plain reply, 15 with
another verb, 11 with a role after the name, 14 with replies that name no speaker, 15 with other
dashes, 16 with pronouns, 13 with words after the name, 13 with marks, 9 interviews, 5 in English, 7
with a line that introduces a block, 10 with dash lists, 10 with marks or a colon in the title, and
23 with other rarities (party in brackets, interrupted, agency heads, quotation in the lead, before
2021). One reader read each of them and noted the words, name, role and body of each quotation,
before any rule was written; a program looked up the offsets, and `form` was derived from them. All
labels were looked through once (a span and a trap had the wrong end, and seven did not match the
text at first), every dash, mark and verb of saying outside them was looked at (nothing was
missing), and then 80 were reread in the text, 40 drawn from all and 40 from all but the plain ones:
no mistake, but one role that went against a convention below, which was mended. They are one
person's.

Conventions
- A span has neither dash nor outer marks nor the comma before ", säger …". Punctuation does not
  count: words do.
- Interrupted by the attribution: one quotation with two spans. Each line with a dash: a quotation
  of its own. Paragraphs of an answer that have no dash go with the dash before them: one quotation,
  a span for each. A quotation within another is not labelled.
- The speaker is the full name: the one in the attribution, or if that has none or a part of it, the
  nearest before it, else the nearest after it in the release. Party and "Mr" are not part of it. A
  part of the name counts as the same ("Anna" for "Anna Ek").
- The role is the one in the attribution; if that has none, the nearest before it that is printed
  with the name, else the nearest after it, in the same release. "som leder arbetet" is not a role.
- Articles, speeches and statements as a whole are no quotation of their author.

Where the judge hesitated: statements of several countries that fill the whole body, a preamble that
ends with ", skriver NAME" without dash or marks, titles of opinion pieces in marks ("NAME: …"), a
fragment that a newspaper is said to have written, and undashed sentences with "förklarar han" (all
`open`, but for one statement that names two ministers); titles of interviews in marks, which repeat
an answer (trap, because nobody is named); roles that a sentence states ("Anna Ek är hamnens vd":
taken) and a role that the sentence before the quotation has (taken as a second right one); whether
a trade before a name is a role (taken).

A third of the releases, by a hash of the URL, is the test part (--part test): those who write rules
do not look at it, and its misses are not printed. The third part (--part fresh, quotes_fresh.tsv)
is 60 other releases of less than 4,000 characters, drawn with a fixed seed and labelled by the same
conventions after the rules had been written, before these were run on them: 14 with plain replies
only, 28 others with lines that begin with a dash, 15 with marks, 3 without. `spans` counts
quotations whose words are equal, `speaker` those whose name is right as well, both of all that are
labelled; `role` those whose role is exact, of those whose words and name are right. Intervals: 95
%, over releases. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from archive.store.import_lines import parse_release
from tests.bench.collection import AGENCY, COLLECTION, TEXTS
from tests.bench.graded import resample_interval

LABELS = Path(__file__).with_name("quotes.tsv")
FRESH_LABELS = Path(__file__).with_name("quotes_fresh.tsv")
PARTS = ("rules", "test", "fresh")
TARGETS = {"spans": 0.95, "speaker": 0.95, "role": 0.90}
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


# Scores


@dataclass(slots=True)
class QuoteScore:
    """What a finder did in a release, or with one form of quotation in it."""

    labelled: int = 0
    spans: int = 0
    speaker: int = 0
    role: int = 0
    # as `role`, but only where the role is printed in the quotation's own paragraph
    own_roles: int = 0
    own_role_labels: int = 0  # of those whose words and name are right
    extra: int = 0  # found, but neither labelled nor open
    traps: int = 0
    trapped: int = 0


@dataclass(frozen=True, slots=True)
class QuoteMiss:
    """A label that a finder missed or got wrong, or something it found in a wrong place."""

    problem: str  # spans, speaker, role, extra or trap
    url: str
    text: str
    found: FoundQuote | None


def score_release(
    labels: Sequence[QuoteLabel], texts: Texts, found: Sequence[FoundQuote]
) -> tuple[QuoteScore, dict[str, QuoteScore], list[QuoteMiss]]:
    """Score what was found in a release: in all, by form, and what is wrong."""
    score, by_form, misses = (
        QuoteScore(),
        defaultdict[str, QuoteScore](QuoteScore),
        list[QuoteMiss](),
    )
    left = list(found)
    for label in labels:
        if label.kind != "quote":
            continue
        match = next(
            (each for each in left if overlaps(each, label) and has_same_words(each, label, texts)),
            None,
        )
        if match:
            left.remove(match)
        forms = (
            {*label.forms, label.how, "all but plain"} - {"dash"}
            if label.forms != ("plain",)
            else {"plain"}
        )
        scores = (score, *(by_form[form] for form in forms))
        problem = score_match(label, texts, match, scores)
        if problem:
            misses.append(QuoteMiss(problem, label.url, quote_text(label, texts), match))
    for label in labels:
        if label.kind == "trap":
            trapped = [each for each in left if overlaps(each, label)]
            score.traps += 1
            score.trapped += bool(trapped)
            misses += [
                QuoteMiss("trap", label.url, quote_text(each, texts), each) for each in trapped
            ]
    unknown = [
        each
        for each in left
        if not any(label.kind == "open" and overlaps(each, label) for label in labels)
    ]
    score.extra = len(unknown)
    misses += [QuoteMiss("extra", labels[0].url, quote_text(each, texts), each) for each in unknown]
    return score, by_form, misses


def score_match(
    label: QuoteLabel, texts: Texts, match: FoundQuote | None, scores: Iterable[QuoteScore]
) -> str | None:
    """Count a label in these scores, and return what is wrong with what was found for it."""
    is_speaker = match is not None and is_same_name(
        match.speaker, [*read_places(label.speaker, texts)]
    )
    is_role = match is not None and is_same_role(match.role, [*read_places(label.role, texts)])
    is_own = not label.role or any(is_near(place, label, texts) for place in label.role)
    for score in scores:
        score.labelled += 1
        score.spans += match is not None
        score.speaker += is_speaker
        score.role += is_speaker and is_role
        score.own_role_labels += is_speaker and is_own
        score.own_roles += is_speaker and is_own and is_role
    if match is None:
        return "spans"
    if not is_speaker:
        return "speaker"
    return None if is_role else "role"


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


# The baseline: `--finder tests.bench.quotes:find_replies`

NAME = r"[A-ZÅÄÖ][\w’-]+(?: (?:(?:af|av|von|de|der) )?[A-ZÅÄÖ][\w’-]+)+"
REPLY = re.compile(
    rf"^[–-] (?P<words>.+), säger (?P<role>[^,.\n]*?"
    rf" )?(?P<name>{NAME})(?: \([A-Z]+\))?(?:,"
    rf" (?P<after>[^,.\n]+))?\.?$",
    re.MULTILINE,
)


def find_replies(texts: Texts) -> Iterator[FoundQuote]:
    """Yield each line that begins with a dash and ends in ", säger NAME", with a role before or
    after the name.
    """
    for field, text in texts.items():
        for reply in REPLY.finditer(text):
            role = (reply["role"] or reply["after"] or "").strip()
            yield FoundQuote(
                field=field, spans=(reply.span("words"),), speaker=reply["name"], role=role or None
            )


# The report


def measure_finder(
    finder: Finder, labels: Iterable[QuoteLabel], texts: Mapping[str, Texts]
) -> tuple[list[QuoteScore], dict[str, list[QuoteScore]], list[QuoteMiss]]:
    """Run a finder on each labelled release, and return the scores by release, also by form, and
    the misses.
    """
    scores, by_form, misses = (
        list[QuoteScore](),
        defaultdict[str, list[QuoteScore]](list),
        list[QuoteMiss](),
    )
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


def share(scores: Sequence[QuoteScore], part: str, whole: str) -> float:
    total = sum(getattr(score, whole) for score in scores)
    return sum(getattr(score, part) for score in scores) / total if total else 0.0


SHARES = {
    "spans": ("spans", "labelled"),
    "speaker": ("speaker", "labelled"),
    "role": ("role", "speaker"),
    "role printed with it": ("own_roles", "own_role_labels"),
}


def format_scores(
    scores: Sequence[QuoteScore], by_form: Mapping[str, Sequence[QuoteScore]]
) -> Iterator[str]:
    labelled, found = sum(score.labelled for score in scores), sum(score.spans for score in scores)
    yield f"{len(scores)} releases, {labelled} quotations"
    for name, (part, whole) in SHARES.items():
        low, high = resample_interval(scores, partial(share, part=part, whole=whole))
        target = f"  target ≥ {TARGETS[name]:.2f}" if name in TARGETS else ""
        yield f"{name:22}{share(scores, part, whole):.3f} [{low:.3f}, {high:.3f}]{target}"
    extra = sum(score.extra for score in scores)
    yield f"{'found, not labelled':22}{extra} of {found + extra}"
    yield (
        f"{'traps':22}{sum(s.trapped for s in scores)} of {sum(s.traps for s in scores)}  target 0"
    )
    yield ""
    yield f"{'form':14}{'labelled':>9}{'spans':>8}{'speaker':>9}{'role':>8}"
    for form, form_scores in sorted(
        by_form.items(), key=lambda item: -sum(s.labelled for s in item[1])
    ):
        shares = [share(form_scores, *SHARES[name]) for name in TARGETS]
        yield (
            f"{form:14}{sum(s.labelled for s in form_scores):>9}{shares[0]:8.2f}{shares[1]:9.2f}"
            f"{shares[2]:8.2f}"
        )


def is_missed(scores: Sequence[QuoteScore]) -> bool:
    """Return whether any target is missed."""
    return any(score.trapped for score in scores) or any(
        share(scores, *SHARES[name]) < least for name, least in TARGETS.items()
    )


def load_finder(name: str) -> Finder:
    module, _, function = name.partition(":")
    finder: Finder = getattr(importlib.import_module(module), function)
    return finder


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quotes")
    parser.add_argument(
        "--finder",
        type=load_finder,
        default="archive.quotes.speakers:find_quotes",
        metavar="MODULE:FUNCTION",
    )
    parser.add_argument("--part", choices=PARTS, default="rules")
    parser.add_argument(
        "--misses", type=int, default=0, metavar="N", help="print so many of what is wrong"
    )
    options = parser.parse_args()
    if options.part == "test" and options.misses:
        parser.error("the misses of the test part are not printed")
    labels = read_part(options.part)
    if not COLLECTION.is_file():
        print(f"{COLLECTION} is absent: nothing to measure", file=sys.stderr)
        return 1
    texts = read_texts(label.url for label in labels)
    check_labels(labels, texts)
    scores, by_form, misses = measure_finder(options.finder, labels, texts)
    print(*format_scores(scores, by_form), sep="\n")
    for miss in misses[: options.misses]:
        print(f"\n{miss.problem}: {miss.url}\n  {miss.text}\n  {miss.found}")
    return int(is_missed(scores))


if __name__ == "__main__":
    sys.exit(main())
