"""`python -m tests.bench.importance [--test]`: do kinds and importance of edits agree with a
reader's judgement?

`edits.md` says how the edits were made and judged. The list of the worst disagreements has none of
the test part.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import comb, sqrt
from pathlib import Path
from statistics import median
from typing import Any

from archive.changes.comparison import Diff, compare
from archive.i18n import IMPORTANCE_LEVELS
from tests.archive.changes.states import (
    read_markdown,
    read_stored_edits,
    split_case,
    to_pair,
    to_state,
)
from tests.bench.graded import resample_interval

INVENTED = Path(__file__).with_name("edits.tsv")
REAL = Path(__file__).with_name("real_edits.tsv")
SHOWN = 40  # disagreements
ROUNDS = 5  # of the measurement of CPU time, of which the median counts


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedEdit:
    """Two states and the judgement of their difference: its importance and, as in the files, its
    kinds.
    """

    name: str
    before: dict[str, Any]
    after: dict[str, Any]
    importance: int
    kinds: str

    @property
    def expected(self) -> list[set[str]]:
        """The kinds of which at least one must be found, for each change a reader would name."""
        return [set(kind.split("/")) for kind in self.kinds.split() if not kind.endswith("?")]

    @property
    def allowed(self) -> set[str]:
        return {kind for names in self.kinds.split() for kind in names.removesuffix("?").split("/")}

    @property
    def is_test(self) -> bool:
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % 3 == 0


def read_judged_edits() -> list[JudgedEdit]:
    return [*_read_invented(), *_read_real()]


def _read_invented() -> Iterator[JudgedEdit]:
    for line in INVENTED.read_text("utf-8").splitlines()[1:]:
        importance, kinds, field, case = line.split("\t")
        versions = json.loads(case) if field not in {"title", "lead", "body"} else split_case(case)
        before, after = (_build_state(field, version) for version in versions)
        yield JudgedEdit(
            name=case, before=before, after=after, importance=int(importance), kinds=kinds
        )


def _build_state(field: str, value: Any) -> dict[str, Any]:
    if field == "body":
        return to_state(value)
    if field in {"title", "lead"}:
        first, _, body = value.partition("\n\n")
        return to_state(body, **{field: first})
    if field == "questions":
        pairs = [
            to_pair(question, answer, position)
            for position, (question, answer) in enumerate(value, 1)
        ]
        return to_state("Läs mer nedan.", questions=pairs)
    return to_state("Läs rapporten.", **{field: value})


def _read_real() -> Iterator[JudgedEdit]:
    """Yield the judged changes of real texts, or none if the texts are not available."""
    texts = {(edit["url"], edit["seen"]): edit for edit in read_stored_edits()}
    for line in REAL.read_text("utf-8").splitlines()[1:] if texts else ():
        importance, kinds, _, url, seen, *places, digest = line.split("\t")
        before, after = texts[url, seen]["before"], texts[url, seen]["after"]
        (first, last), (new_first, new_last) = (map(int, place.split("-")) for place in places)
        old, new = before[first:last], after[new_first:new_last]
        if hashlib.sha256(f"{old}\n{new}".encode()).hexdigest()[:16] != digest:
            raise ValueError(f"{url}: the text at {places} is not the judged one")
        changed = f"{before[:first].rstrip()}\n\n{new}\n\n{before[last:].lstrip()}"
        yield JudgedEdit(
            name=f"{url} {seen} {first}-{new_first}-{new_last}",
            before=read_markdown(before),
            after=read_markdown(changed.strip() + "\n"),
            importance=int(importance),
            kinds=kinds,
        )


def rank_agreement(pairs: Sequence[tuple[int, int]]) -> float:
    """Return Kendall's tau-b: 1 if both numbers of the pairs give the same order, 0 for what chance
    would give.

    >>> rank_agreement([(1, 10), (2, 20), (3, 30)]), rank_agreement([(1, 3), (2, 2), (3, 1)])
    (1.0, -1.0)
    """
    seen: list[int] = []  # the second numbers of all pairs whose first number is lower, in order
    balance = 0
    for _, group in groupby(sorted(pairs), key=lambda pair: pair[0]):
        values = [second for _, second in group]
        balance += sum(
            bisect_left(seen, value) - len(seen) + bisect_right(seen, value) for value in values
        )
        for value in values:
            insort(seen, value)
    untied = 1
    for side in (0, 1):
        counts = Counter(pair[side] for pair in pairs).values()
        untied *= comb(len(pairs), 2) - sum(comb(count, 2) for count in counts)
    return balance / sqrt(untied)


def measure_kinds(judged: Sequence[tuple[JudgedEdit, Diff]]) -> Iterator[str]:
    """Yield precision and recall by kind, and of all together.

    A kind that is expected as one of several counts for the first of them, whichever was found.
    """
    right, found, met, expected = (Counter[str]() for _ in range(4))
    for edit, diff in judged:
        kinds = {change.kind for change in diff.changes}
        found.update(kinds)
        right.update(kinds & edit.allowed)
        for names in (token.split("/") for token in edit.kinds.split() if not token.endswith("?")):
            expected[names[0]] += 1
            met[names[0]] += bool(kinds & set(names))
    yield f"{'kind':20}{'expected':>9}{'found':>7}{'precision':>11}{'recall':>8}"
    for kind in sorted(expected | found, key=lambda kind: -expected[kind]):
        yield _format_shares(kind, right[kind], found[kind], met[kind], expected[kind])
    yield _format_shares("all", right.total(), found.total(), met.total(), expected.total())


def _format_shares(kind: str, right: int, found: int, met: int, expected: int) -> str:
    precision = f"{right / found:.2f}" if found else "–"
    recall = f"{met / expected:.2f}" if expected else "–"
    return f"{kind:20}{expected:>9}{found:>7}{precision:>11}{recall:>8}"


def measure_importance(judged: Sequence[tuple[JudgedEdit, Diff]]) -> Iterator[str]:
    """Yield the rank agreement with its interval, and how often the level of importance is the
    same.
    """
    pairs = [(edit.importance, diff.importance) for edit, diff in judged]
    low, high = resample_interval(pairs, rank_agreement)
    levels = [[find_level(number) for number in pair] for pair in pairs]
    steps = Counter(abs(first - second) for first, second in levels)
    yield f"Kendall's tau-b {rank_agreement(pairs):.3f} [{low:.3f}, {high:.3f}]"
    yield (
        f"same level {steps[0] / len(pairs):.0%}, two or more levels apart"
        f" {(steps[2] + steps[3]) / len(pairs):.0%}"
    )
    yield f"mean difference {sum(abs(a - b) for a, b in pairs) / len(pairs):.1f}"


def find_level(importance: int) -> int:
    return next(marks for least, marks, _ in IMPORTANCE_LEVELS if importance >= least)


def list_disagreements(judged: Sequence[tuple[JudgedEdit, Diff]]) -> Iterator[str]:
    """Yield the pairs whose importance differs most from the judged one."""
    yield "judged  rules  kinds judged | kinds found | edit"
    worst = sorted(judged, key=lambda each: -abs(each[0].importance - each[1].importance))
    for edit, diff in worst[:SHOWN]:
        kinds = " ".join(dict.fromkeys(change.kind for change in diff.changes))
        numbers = f"{edit.importance:>6} {diff.importance:>6}"
        yield f"{numbers}  {edit.kinds} | {kinds} | {edit.name[:160]}"


def measure_time(edits: Sequence[JudgedEdit]) -> float:
    """Return the CPU milliseconds of comparing one pair, on average."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for edit in edits:
            compare(edit.before, edit.after)
        rounds.append((time.process_time() - start) * 1000 / len(edits))
    return median(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--test", action="store_true", help="also the figures of the test part")
    with_test = parser.parse_args().test
    edits = read_judged_edits()
    judged = [(edit, compare(edit.before, edit.after)) for edit in edits]
    real = [edit for edit in edits if edit.name.startswith("https:")]
    for is_test in (False, True) if with_test else (False,):
        part = [each for each in judged if each[0].is_test == is_test]
        print(f"\n== {'test part' if is_test else 'part for the rules'}: {len(part)} edits\n")
        print(*measure_importance(part), "", *measure_kinds(part), sep="\n")
        if not is_test:
            print("", *list_disagreements(part), sep="\n")
    for name, group in (("real", real), ("invented", [edit for edit in edits if edit not in real])):
        if group:
            print(f"\n{len(group)} {name} edits: {measure_time(group):.2f} ms CPU each")


if __name__ == "__main__":
    main()
