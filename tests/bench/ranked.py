"""How well the search page ranks, beside FTS5 without Swedish, on the forty judged queries (graded.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from tests.bench.graded import ndcg, read_graded
from tests.bench.rankings import open_rankings

CLOSE = 0.005  # differences of nDCG below this are none


def measure_ranking(archive: Path) -> Iterator[str]:
    """The lines of a table."""
    graded = read_graded()
    with open_rankings(archive) as rankings:
        ranked = {name: {query: rank(query) for query in graded} for name, rank in rankings.items()}
    scores = {name: {q: ndcg(urls[q], grades) for q, grades in graded.items()} for name, urls in ranked.items()}
    ours = scores["search page"]
    yield f"{len(graded)} judged queries{'':8}nDCG@10   judged  found nothing  better/worse than the search page"
    for name, score in scores.items():
        found = [url in graded[query] for query, urls in ranked[name].items() for url in urls]
        nothing = sum(not urls for urls in ranked[name].values())
        gains = [score[query] - ours[query] for query in graded]
        better, worse = sum(gain > CLOSE for gain in gains), sum(gain < -CLOSE for gain in gains)
        yield f"{name:24}{fmean(score.values()):>7.3f}{fmean(found):>9.0%}{nothing:>15}" + (
            f"{better:>8} / {worse}" if score is not ours else ""
        )
