"""`python -m tests.bench.quotations [ARCHIVE]`: are quotations from the collection judged right,
and how fast?

500 true quotations, 500 altered ones and 200 from elsewhere (pages of other bodies), drawn with a
fixed seed from the stored material when it runs, and all sentences that the stored real edits
removed. ARCHIVE: import nothing. Each kind has its own row; -v prints each quotation that is judged
wrong. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, cycle, islice
from pathlib import Path
from shutil import copyfile

from archive.changes.facts import NEGATIONS
from archive.database.models import Release
from archive.database.sqlite_files import RunQuery, build_connection_runner, open_readonly
from archive.quotes.quotation_comparison import find_quotations
from archive.quotes.quotation_lookup import QuotationCheck
from archive.store.releases import Archive
from tests.archive.changes.states import read_markdown, read_stored_edits
from tests.bench.collection import ABSENT, COLLECTION, open_collection
from tests.bench.figures import judge
from tests.bench.measure import print_lines
from tests.stored import stored_rows

SEED = 20
VERDICTS = ("verbatim", "withdrawn", "altered", "not_found")
EDITED, CURRENT = "sentence that an edit removed", "sentence of an edited release"
TRUE, ALTERED, ELSEWHERE = 500, 500, 200
ARTICLE = 20  # quotations in a text
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÅÄÖ])")
MARKS = re.compile("[\"”“„»«‘’'…\\[\\]•*#|]|\\.\\.|<|http")
REPLY = re.compile(r"(?m)^[–-] ([^\n,]{20,200}), säger ([^.!?\n]{3,80})\.(?: ([A-ZÅÄÖ][^\n]+))?")
INITIAL = re.compile(r"\b[A-ZÅÄÖ][a-z]?$")  # no end of a sentence
NAME = re.compile(r"(?<=[a-zåäö,] )[A-ZÅÄÖ][a-zåäö]{3,}\b")
OTHER_WORDS = ("hus", "stor", "redan", "ofta", "framtid", "åtgärd", "snabbt", "bättre")
TENSES = {
    "ska": "skulle",
    "är": "var",
    "har": "hade",
    "kan": "kunde",
    "kommer": "kom",
    "får": "fick",
}
NUMBER = re.compile(r"\b\d+\b")


@dataclass(frozen=True, slots=True)
class QuotationCase:
    """A quotation as an article prints it, and the verdict it should get."""

    printed: str  # with its marks or dash
    kind: str
    verdict: str


Change = Callable[[str, random.Random], str | None]


def in_marks(text: str) -> str:
    return f"Enligt uppgift är ”{text}” vad som gäller."


# True quotations: how they are printed.


def restyle(text: str, chance: random.Random) -> str:
    """Change what does not matter: spaces, dashes, soft hyphens, the first letter."""
    text = re.sub(r"(?<=\d) (?=\d{3}\b)", "\u00a0", text).replace(
        " – ", chance.choice([" — ", " - ", " – "])
    )
    word = max(text.split(), key=len)
    text = text.replace(word, f"{word[:3]}\u00ad{word[3:]}", 1)
    return text[0].swapcase() + text[1:]


def leave_out(text: str, chance: random.Random) -> str | None:
    """Leave out words without a negation and say so."""
    words = text.split()
    if len(words) < 12:
        return None
    start = chance.randrange(4, len(words) - 6)
    end = start + chance.randrange(1, len(words) - start - 3)
    if any(word.lower().strip(",.") in NEGATIONS for word in words[start:end]):
        return None
    return " ".join(
        [*words[:start], chance.choice(["…", "[…]", "(...)", "[...]", "/.../"]), *words[end:]]
    )


def cut(text: str, chance: random.Random) -> str | None:
    words = text.split()
    size = chance.randrange(4, 12)
    if len(words) <= size:
        return None
    start = chance.randrange(len(words) - size)
    return " ".join(words[start : start + size]).strip(",.;:–- ")


def end_with_comma(text: str, _: random.Random) -> str | None:
    return f"Hon säger att ”{text[:-1]},” och går." if text[-1] == "." else None


def use_other_marks(text: str, chance: random.Random) -> str:
    marks = chance.choice(["“”", "„“", "»»", "»«", "«»", '""', "‘’", "’’"])
    return f"Så här: {marks[0]}{text}{marks[1]}."


def reply(text: str, chance: random.Random) -> str | None:
    if text[-1] != "." or ", säger" in text:
        return None
    dash = chance.choice(["– ", "- ", "— ", "− ", "–\u00a0", "–"])
    verb = chance.choice(["säger", "sa", "skriver", "förklarar"])
    return f"{dash}{text[:-1]}, {verb} Anna Ek, generaldirektör."


def print_in_marks(change: Change) -> Change:
    def print_changed(text: str, chance: random.Random) -> str | None:
        changed = change(text, chance)
        return changed and in_marks(changed)

    return print_changed


PRINTED: dict[str, Change] = {
    "whole sentence": print_in_marks(lambda text, _: text),
    "sentence, comma within": end_with_comma,
    "other marks": use_other_marks,
    "other spaces, dashes, capital": print_in_marks(restyle),
    "dash reply, another speaker": reply,
    "part of a sentence": print_in_marks(cut),
    "marked omission": print_in_marks(leave_out),
}

# Alterations.


def change_number(text: str, chance: random.Random) -> str | None:
    numbers = list(NUMBER.finditer(text))
    if not numbers:
        return None
    match = chance.choice(numbers)
    return (
        text[: match.start()] + str(int(match[0]) + chance.choice([1, 2, 10])) + text[match.end() :]
    )


def drop_negation(text: str, _: random.Random) -> str | None:
    words = text.split()
    at = next(
        (n for n, word in enumerate(words) if 0 < n < len(words) - 1 and word.lower() in NEGATIONS),
        None,
    )
    return None if at is None else " ".join(words[:at] + words[at + 1 :])


def hide_negation(text: str, _: random.Random) -> str | None:
    words = text.split()
    at = next(
        (n for n, word in enumerate(words) if 2 < n < len(words) - 3 and word.lower() in NEGATIONS),
        None,
    )
    return None if at is None else " ".join([*words[:at], "…", *words[at + 1 :]])


def add_negation(text: str, _: random.Random) -> str | None:
    match = re.search(r"\b(är|ska|har|kan|vill|får|blir|måste)\b", text)
    return None if match is None else f"{text[: match.end()]} inte{text[match.end() :]}"


def change_name(text: str, chance: random.Random) -> str | None:
    names = list(NAME.finditer(text))
    if not names:
        return None
    match = chance.choice(names)
    other = chance.choice(["Norge", "Hallberg", "Svensson", "Malmö", "Finland"])
    return None if match[0] == other else text[: match.start()] + other + text[match.end() :]


def change_words(text: str, chance: random.Random, count: int = 1) -> str:
    words = text.split()
    for at in chance.sample(range(1, len(words) - 1), count):
        words[at] = chance.choice([word for word in OTHER_WORDS if word != words[at]])
    return " ".join(words)


def drop_word(text: str, chance: random.Random) -> str:
    words = text.split()
    at = chance.randrange(1, len(words) - 1)
    return " ".join(words[:at] + words[at + 1 :])


def drop_middle(text: str, chance: random.Random) -> str | None:
    words = text.split()
    if len(words) < 14:
        return None
    start = chance.randrange(4, len(words) - 8)
    return " ".join(words[:start] + words[start + chance.randrange(3, 6) :])


def add_word(text: str, chance: random.Random) -> str:
    words = text.split()
    words.insert(
        chance.randrange(1, len(words) - 1),
        chance.choice(["mycket", "alltså", "egentligen", "kanske"]),
    )
    return " ".join(words)


def mistype(text: str, chance: random.Random) -> str | None:
    long = [
        word for word in text.split() if len(word) > 6 and word.isalpha() and word[2] != word[3]
    ]
    if not long:
        return None
    word = chance.choice(long)
    return text.replace(word, word[:2] + word[3] + word[2] + word[4:], 1)


def change_tense(text: str, _: random.Random) -> str | None:
    for one, other in TENSES.items():
        if re.search(rf"(?<= ){one}(?= )", text):
            return re.sub(rf"(?<= ){one}(?= )", other, text)
    return None


def change_order(text: str, chance: random.Random) -> str | None:
    words = text.rstrip(".").split()
    if len(words) < 8 or "," in text:
        return None
    at = chance.randrange(3, len(words) - 3)
    first, second = words[:at], words[at:]
    return " ".join([second[0].capitalize(), *second[1:], *[first[0].lower()], *first[1:]]) + "."


def paraphrase(text: str, chance: random.Random) -> str | None:
    changed = change_tense(text, chance) or text
    return change_words(changed, chance, 2) if len(changed.split()) > 11 else None


ALTERATIONS: dict[str, Change] = {
    "number": change_number,
    "negation left out": drop_negation,
    "negation behind …": hide_negation,
    "negation added": add_negation,
    "name": change_name,
    "word replaced": change_words,
    "word left out": drop_word,
    "words left out": drop_middle,
    "word added": add_word,
    "typing error": mistype,
    "tense": change_tense,
    "word order": change_order,
    "two words and tense": paraphrase,
}


def draw_cases(
    texts: Sequence[str], elsewhere: Sequence[str], chance: random.Random
) -> list[QuotationCase]:
    """Draw the cases: each kind about as often, as far as there are sentences for it."""
    everything = " ".join(map(simplify, texts))
    pool = cycle(chance.sample(texts, len(texts)))
    true = [
        QuotationCase(text, "reply without its speaker", "verbatim")
        for text in draw_replies(texts, chance)
    ]
    kinds = cycle(PRINTED.items())
    while len(true) < TRUE:
        kind, change = next(kinds)
        true.append(QuotationCase(draw_changed(pool, change, chance), kind, "verbatim"))
    altered = [
        QuotationCase(in_marks(text), "two paragraphs", "altered")
        for text in draw_joined(texts, chance)
    ]
    alterations = cycle(ALTERATIONS.items())
    while len(altered) < ALTERED:
        kind, change = next(alterations)
        changed = draw_changed(pool, change, chance)
        while simplify(changed) in everything:  # what another release has is a true quotation
            changed = draw_changed(pool, change, chance)
        altered.append(QuotationCase(in_marks(changed), kind, "altered"))
    other = (
        text
        for text in chance.sample(elsewhere, len(elsewhere))
        if simplify(text) not in everything
    )
    missing = [
        QuotationCase(in_marks(text), "from elsewhere", "not_found")
        for text in islice(other, ELSEWHERE)
    ]
    return [*true, *altered, *missing]


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


def measure_quotations(archive: Path | None = None) -> Iterator[str]:
    """Yield the lines of the table, or the reason if there is no collection."""
    if not COLLECTION.is_file():
        yield f"quotations are {ABSENT}"
        return
    with tempfile.TemporaryDirectory() as made, open_collection(archive) as path:
        edited = Path(made) / "edited.db"
        copyfile(path, edited)
        yield from judge_quotations(edited, add_edits(edited))


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


def judge_quotations(archive: Path, cases_of_edits: Sequence[QuotationCase]) -> Iterator[str]:
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
                if verdict != case.verdict and "-v" in sys.argv:
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


if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    sys.exit(print_lines(measure_quotations(Path(names[0]) if names else None)))
