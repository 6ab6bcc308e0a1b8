"""`python -m tests.bench.typed_questions`: measures how well questions that people typed find their
answers, beside SQLite's own indexes.

SweFAQ (Språkbanken, CC BY 4.0; shared/swefaq) has questions as they were typed to Swedish authorities,
and their answers. Each answer is imported as a release of its own, with a title that says nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from tests.bench.collection import AGENCY
from tests.bench.figures import judge
from tests.bench.graded import ndcg, resample_interval
from tests.bench.measure import print_lines
from tests.bench.ranked import OURS, compare_rankings
from tests.bench.rankings import open_rankings
from tests.harness.world.processes import run_archive
from tests.stored import ROOT as STORED

QUESTIONS = STORED / "swefaq" / "dev.jsonl"
BASELINE = "trigram, any word"  # as one would use SQLite's trigram index
LEAST = 0.70  # nDCG@10


def measure_typed_questions() -> Iterator[str]:
    """Yield the lines of the table, or the reason if there are no questions."""
    if not QUESTIONS.is_file():
        yield f"left out: there is no {QUESTIONS} (name the folder that holds swefaq/ with PAGES=)"
        return
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    answers = list(dict.fromkeys(text for row in rows for text in row["candidate_answers"]))
    urls = {text: f"https://svar.example/{number}" for number, text in enumerate(answers)}
    grades = {
        row["question"]: {urls[row["candidate_answers"][int(row["label"])]]: 2} for row in rows
    }
    with tempfile.TemporaryDirectory() as made:
        lines, archive = Path(made) / "answers.jsonl", Path(made) / "archive.db"
        releases = ({"url": urls[text], "title": "Svar", "body": text} for text in answers)
        lines.write_text("\n".join(map(json.dumps, releases)), "utf-8")
        run_archive("import", lines, "--agency", AGENCY, "--archive", archive)
        with open_rankings(archive) as rankings:
            ranked = {
                name: {question: rank(question) for question in grades}
                for name, rank in rankings.items()
            }
    yield from compare_rankings("questions as typed", list(grades), ranked, grades)
    ours, theirs = (
        [ndcg(ranked[name][question], found) for question, found in grades.items()]
        for name in (OURS, BASELINE)
    )
    gains = [mine - other for mine, other in zip(ours, theirs, strict=True)]
    least, most = resample_interval(gains, fmean)
    yield judge("nDCG@10", fmean(ours), least=LEAST)
    yield judge(f"least gain over {BASELINE} (most {most:.2f})", least, least=0.0)


if __name__ == "__main__":
    print_lines(measure_typed_questions())
