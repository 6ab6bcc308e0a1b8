"""Checks quotations from the collection, as an article prints them: are they judged right, and how
fast?

500 true quotations, 500 altered ones and 200 from elsewhere (pages of other bodies), drawn with a
fixed seed from the stored material when it runs, and all sentences that the stored real edits
removed. Each kind has its own row.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, cycle, islice
from pathlib import Path
from shutil import copyfile

from archive.database.models import Release
from archive.database.sqlite_files import RunQuery, build_connection_runner, open_readonly
from archive.quotes.quotation_comparison import find_quotations
from archive.quotes.quotation_lookup import QuotationCheck
from archive.store.releases import Archive
from tests.archive.changes.states import read_markdown, read_stored_edits
from tests.bench.collection import open_collection
from tests.bench.figures import judge
from tests.bench.quotations.changes import ALTERATIONS, MARKS, PRINTED, Change, in_marks
from tests.stored import stored_rows

SEED = 20
VERDICTS = ("verbatim", "withdrawn", "altered", "not_found")
EDITED, CURRENT = "sentence that an edit removed", "sentence of an edited release"
TRUE, ALTERED, ELSEWHERE = 500, 500, 200
ARTICLE = 20  # quotations in a text
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÅÄÖ])")
REPLY = re.compile(r"(?m)^[–-] ([^\n,]{20,200}), säger ([^.!?\n]{3,80})\.(?: ([A-ZÅÄÖ][^\n]+))?")
INITIAL = re.compile(r"\b[A-ZÅÄÖ][a-z]?$")  # no end of a sentence


@dataclass(frozen=True, slots=True)
class QuotationCase:
    """A quotation as an article prints it, and the verdict it should get."""

    printed: str  # with its marks or dash
    kind: str
    verdict: str


def draw_cases(
    texts: Sequence[str], elsewhere: Sequence[str], chance: random.Random
) -> list[QuotationCase]:
    """Draw the cases: each kind about as often, as far as there are sentences for it."""
    everything = " ".join(map(simplify, texts))
    pool = cycle(chance.sample(texts, len(texts)))
    cases = list[QuotationCase]()

    def add(printed: str, kind: str, verdict: str) -> None:
        cases.append(QuotationCase(printed, kind, verdict))

    for text in draw_replies(texts, chance):
        add(text, "reply without its speaker", "verbatim")
    for kind, change in islice(cycle(PRINTED.items()), TRUE - len(cases)):
        add(draw_changed(pool, change, chance), kind, "verbatim")
    for text in draw_joined(texts, chance):
        add(in_marks(text), "two paragraphs", "altered")
    for kind, change in islice(cycle(ALTERATIONS.items()), TRUE + ALTERED - len(cases)):
        changed = draw_changed(pool, change, chance)
        while simplify(changed) in everything:  # what another release has is a true quotation
            changed = draw_changed(pool, change, chance)
        add(in_marks(changed), kind, "altered")
    others = chance.sample(elsewhere, len(elsewhere))
    missing = (text for text in others if simplify(text) not in everything)
    for text in islice(missing, ELSEWHERE):
        add(in_marks(text), "from elsewhere", "not_found")
    return cases


def draw_changed(pool: Iterator[str], change: Change, chance: random.Random) -> str:
    """Return the next sentence that a change can be made to, changed."""
    while True:
        sentences = list_sentences(next(pool))
        for sentence in chance.sample(sentences, len(sentences)):
            if changed := change(sentence, chance):
                return changed


def simplify(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" .").casefold()


def draw_replies(texts: Sequence[str], chance: random.Random) -> list[str]:
    """Return replies that go on after ", säger NAME", without it."""
    found = (
        f"Hon säger: ”{match[1]}. {match[3]}”"
        for text in chance.sample(texts, len(texts))
        for match in islice(REPLY.finditer(text), 1)
        if not MARKS.search(match[0])
        and not INITIAL.search(match[2])
        and match[3]
        and len(match[0].split()) < 80
        and ", säger" not in match[3]
    )
    return list(islice(found, 60))


def draw_joined(texts: Sequence[str], chance: random.Random) -> list[str]:
    """Return passages that join two sentences of different paragraphs."""
    joined = (
        f"{paragraphs[0][0]} {paragraphs[-1][-1]}"
        for text in chance.sample(texts, len(texts))
        if len(
            paragraphs := [found for part in text.split("\n\n") if (found := list_sentences(part))]
        )
        > 3
    )
    return list(islice(joined, 40))


def list_sentences(text: str) -> list[str]:
    """Return the sentences of 7 to 40 words without marks that make it unclear where a quotation
    ends.
    """
    return [
        sentence.lstrip("– -−—").strip()
        for paragraph in text.split("\n")
        for sentence in SENTENCE.split(paragraph)
        if 7 <= len(sentence.split()) <= 40 and not MARKS.search(sentence) and sentence[-1] in ".!?"
    ]


def read_elsewhere() -> list[str]:
    """Return sentences of other bodies' pages."""
    found = []
    for row in stored_rows("nordic"):
        for part in row.get("body") or ():
            found += list_sentences(
                part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
            )
    return found


def measure_judging(archive: Path | None = None, *, is_verbose: bool = False) -> Iterator[str]:
    """Yield the lines of the table; is_verbose: and each quotation that is judged wrong."""
    with tempfile.TemporaryDirectory() as made, open_collection(archive) as path:
        edited = Path(made) / "edited.db"
        copyfile(path, edited)
        yield from judge_quotations(edited, add_edits(edited), is_verbose=is_verbose)


def add_edits(path: Path) -> list[QuotationCase]:
    """Store the real edits, each as two versions; return the sentences that they removed, and some
    that they left.
    """
    removed: list[str] = []
    left: list[str] = []
    with Archive(path) as archive:
        archive.add_agency("redigerat", name="Redigerat", home="https://redigerat.example/")
        for number, edit in enumerate(read_stored_edits()):
            for day, side in enumerate(("before", "after"), 1):
                state = read_markdown(edit[side])
                release = Release(
                    agency="redigerat",
                    url=f"https://redigerat.example/{number}",
                    title=state["title"] or "Utan rubrik",
                    body=state["body"],
                    body_html=state["body_html"],
                    language="sv",
                )
                archive.save(release, seen_at=datetime(2026, 1, day, tzinfo=UTC), cause="source")
                (removed if side == "before" else left).extend(list_sentences(release.body))
        rows = archive.db.execute("select coalesce(lead, '') || ' ' || body from releases")
        current = " ".join(simplify(text) for (text,) in rows)
    gone = [text for text in dict.fromkeys(removed) if simplify(text) not in current]
    return [
        *(QuotationCase(in_marks(text), EDITED, "withdrawn") for text in gone),
        *(QuotationCase(in_marks(text), CURRENT, "verbatim") for text in dict.fromkeys(left[::5])),
    ]


def judge_quotations(
    archive: Path, cases_of_edits: Sequence[QuotationCase], *, is_verbose: bool
) -> Iterator[str]:
    with closing(open_readonly(archive)) as db:
        rows = db.execute(
            "select coalesce(lead, '') || char(10, 10) || body from releases order by id"
        )
        cases = draw_cases([text for (text,) in rows], read_elsewhere(), random.Random(SEED))
        cases += cases_of_edits
        random.Random(SEED).shuffle(cases)
        run, times = build_connection_runner(db), []
        counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for start in range(0, len(cases), ARTICLE):
            article = cases[start : start + ARTICLE]
            before = time.process_time()
            verdicts = check_article(run, article)
            times.append(time.process_time() - before)
            for case, verdict in zip(article, verdicts, strict=True):
                counts[case.verdict, case.kind][verdict] += 1
                if verdict != case.verdict and is_verbose:
                    yield f"{case.kind}: {verdict}: {case.printed}"
        yield from format_counts(counts)
        times.sort()
        yield judge(
            f"CPU seconds of {ARTICLE} quotations, median", times[len(times) // 2], unit="s", most=1
        )
        yield judge("the slowest text", times[-1], unit="s", most=1)


def check_article(run: RunQuery, article: Sequence[QuotationCase]) -> list[str]:
    """Return the verdict of each quotation of a text; "not extracted" where the text seems to have
    none.
    """
    text = "\n\n".join(case.printed for case in article)
    results = asyncio.run(QuotationCheck(run, seconds=600).check(find_quotations(text)))
    ends = list(accumulate(len(case.printed) + 2 for case in article))
    verdicts = ["not extracted"] * len(article)
    for result in results:
        verdicts[bisect_right(ends, result.quotation.start)] = result.verdict
    return verdicts


def format_counts(counts: dict[tuple[str, str], Counter[str]]) -> Iterator[str]:
    for (right, kind), verdicts in sorted(
        counts.items(), key=lambda item: (-VERDICTS.index(item[0][0]), item[0][1])
    ):
        found = ", ".join(f"{verdict} {count}" for verdict, count in verdicts.most_common())
        yield f"{kind:32} {verdicts[right]:4} of {verdicts.total():4}   {found}"
    yield ""
    for right in VERDICTS:
        judged = [verdicts for (verdict, _), verdicts in counts.items() if verdict == right]
        total = sum(verdicts.total() for verdicts in judged)
        share = sum(verdicts[right] for verdicts in judged) / max(1, total)
        yield judge(f"share of right verdicts, {right} ({total})", share, least=0.98)
    false = sum(
        verdicts["verbatim"] for (right, _), verdicts in counts.items() if right != "verbatim"
    )
    yield judge("false verbatim", false, most=0)
