"""Finds the releases related to a release: those sharing words frequent in it and rare elsewhere.

Nothing about related releases is stored, so an edit, a takedown or a new release has an immediate
effect. The words are weighted by tf-idf, for which the table `vocabulary` contains the number of
releases with each word. FTS5 ranks the releases that contain any of the heaviest words. The chosen
words occur in few releases (MAX_POSTINGS in total), so the cost is nearly the same in an archive of
any size.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from archive.changes.history import find_final_release
from archive.database.sqlite_files import RunQuery
from archive.language.synonyms import FUNCTION_WORDS
from archive.language.terms import find_words
from archive.search.search_index import INDEX_COLUMNS

MAX_WORDS = 12  # heaviest words of a release
MAX_POSTINGS = 1_500  # releases that have them, added up; ranking one takes about 10 µs
# of all releases; words in more say too little (MAX_POSTINGS is stricter from 6,000 releases on)
MAX_WORD_SHARE = 0.25
TITLE_WEIGHT = 3  # occurrences in the text that one in the title counts as
MAX_TEXT_LENGTH = 8_000  # characters of the text; the subject of a longer one is in its beginning
MAX_RELATED = 100
MAX_SHOWN = 6  # on the page of a release
OWN_PLACES = 2  # of these, for the agency's own releases
# of the release to itself; tests/bench/related.py measures what those above it share
MIN_SIMILARITY = 0.2

# Columns of lemmas, and of compound parts, which count half; in the title twice. The others only
# repeat them.
COLUMN_WEIGHTS = {"title": 2.0, "title_parts": 1.0, "title_minor": 1.0, "facts": 0.0}
SUFFIX_WEIGHTS = {"parts": 0.5, "minor": 0.5, "forms": 0.0}
BM25_WEIGHTS = ", ".join(
    str(COLUMN_WEIGHTS.get(name, SUFFIX_WEIGHTS.get(name.partition("_")[2], 1.0)))
    for name in INDEX_COLUMNS["search"]
)
LISTED_TEXT_SQL = f"""
    select r.title, coalesce(r.lead, '') || ' ' || substr(r.body, 1, {MAX_TEXT_LENGTH}) as text,
      (select max(id) from releases) as stored
    from release_facets l cross join releases r on r.id = l.release where l.release = :release
"""
# Of each word, the lemma that most releases give it. The commonest form of a word is mostly its
# lemma, which need not be in the text.
LEMMAS_SQL = """
    with lemmas as (
      select word, lemma, sum(releases) over words as releases,
        row_number() over (words order by releases desc, lemma) as place
      from vocabulary where word in (select value from json_each(:words))
      window words as (partition by word))
    select word, lemma, releases,
      (select ifnull(sum(b.releases), 0) from vocabulary b where b.word = lemmas.lemma)
        as lemma_releases
    from lemmas where place = 1
"""
# Moved and hidden releases are not in release_facets.
RELATED_SQL = f"""
    with found as materialized (
      select rowid as id, -bm25(search, {BM25_WEIGHTS}) as score from search
        where search match :match
      order by score desc, rowid desc limit {MAX_RELATED + 20})
    select f.id, f.score from found f cross join release_facets l on l.release = f.id
      order by f.score desc, f.id desc
"""
NEAR_DUPLICATES_SQL = """
    select release, other from near_duplicates
    where release in (select value from json_each(:ids)) and other in (select value
      from json_each(:ids))
"""
RELATED_RELEASES_SQL = """
    select r.id, r.title, r.language, r.kind, r.url, r.published,
      r.updated, r.first_seen, r.added, r.removed_at,
      r.agency, a.name, a.name_en
    from json_each(:ids) j cross join releases r on r.id = j.value cross join agencies a
      on a.slug = r.agency
    order by j.key
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedReleases:
    """The releases related to a release, most similar first.

    similarity: the similarity of each related release, by id. It is the related release's score
        divided by the release's own score (0–1), multiplied by the number of chosen words divided
        by MAX_WORDS.
    words: the lemmas by which the related releases were found.
    """

    release: int  # the id under which a merged release continues
    similarity: Mapping[int, float]
    words: tuple[str, ...] = ()


async def find_related(run: RunQuery, release_id: int) -> RelatedReleases | None:
    """Find the releases related to a release.

    Return None if there is no such release, or if it is hidden. The release's near-duplicates are
    left out. If several related releases are near-duplicates of each other, only the one most
    similar to the release is kept.
    """
    release = await find_final_release(run, release_id)
    rows = await run(LISTED_TEXT_SQL, {"release": release})
    if not rows:
        return None
    words = await _choose_words(run, rows[0])
    if not words:
        return RelatedReleases(release=release, similarity={})
    match = " OR ".join(f'"{word}"' for word in words)
    scores = {row["id"]: row["score"] for row in await run(RELATED_SQL, {"match": match})}
    own = scores.pop(release, 0.0) or max(scores.values(), default=1.0)
    most = len(words) / MAX_WORDS  # so that one or two words in common are not enough
    similarity = {key: round(most * min(1.0, score / own), 3) for key, score in scores.items()}
    similar = {key: share for key, share in similarity.items() if share >= MIN_SIMILARITY}
    related = await _drop_duplicates(run, release, similar)
    return RelatedReleases(release=release, similarity=related, words=tuple(words))


async def _drop_duplicates(
    run: RunQuery, release: int, similarity: Mapping[int, float]
) -> dict[int, float]:
    """Keep the first MAX_RELATED releases, without near-duplicates.

    A release is dropped if it is a near-duplicate of `release`, or of a more similar release that
    is kept.
    """
    duplicates: dict[int, set[int]] = {}
    for row in await run(NEAR_DUPLICATES_SQL, {"ids": json.dumps([release, *similarity])}):
        duplicates.setdefault(row["release"], set()).add(row["other"])
    excluded, related = duplicates.get(release, set()), dict[int, float]()
    for key, share in similarity.items():
        if key not in excluded and len(related) < MAX_RELATED:
            related[key] = share
            excluded |= duplicates.get(key, set())
    return related


async def _choose_words(run: RunQuery, row: Any) -> list[str]:
    """Return the lemmas with the highest tf-idf in a row of LISTED_TEXT_SQL, heaviest first."""
    counts = Counter(find_words(row["text"]))
    for word in find_words(row["title"]):
        counts[word] += TITLE_WEIGHT
    words = json.dumps([word for word in counts if word not in FUNCTION_WORDS], ensure_ascii=False)
    frequency, releases, unprinted = Counter[str](), Counter[str](), dict[str, int]()
    for found in await run(LEMMAS_SQL, {"words": words}):
        lemma = found["lemma"]
        frequency[lemma] += counts[found["word"]]
        releases[lemma] += found["releases"]
        unprinted[lemma] = 0 if lemma in counts else found["lemma_releases"]
    releases.update(unprinted)
    weights = {
        lemma: (1 + log(frequency[lemma])) * log(row["stored"] / number)
        for lemma, number in releases.items()
        if 1 < number <= MAX_WORD_SHARE * row["stored"]
    }
    return _take_heaviest(weights, releases)


def _take_heaviest(weights: Mapping[str, float], releases: Mapping[str, int]) -> list[str]:
    """Return the heaviest lemmas: at most MAX_WORDS, in at most MAX_POSTINGS releases in total."""
    chosen, postings = list[str](), 0
    for lemma in sorted(weights, key=lambda lemma: (-weights[lemma], lemma)):
        if len(chosen) < MAX_WORDS and postings + releases[lemma] <= MAX_POSTINGS:
            chosen.append(lemma)
            postings += releases[lemma]
    return chosen


async def read_related_releases(run: RunQuery, related: RelatedReleases) -> list[dict[str, Any]]:
    """Return the rows of related releases, each with its similarity, most similar first."""
    rows = await run(RELATED_RELEASES_SQL, {"ids": json.dumps([*related.similarity])})
    return [{**dict(row), "similarity": related.similarity[row["id"]]} for row in rows]


def choose_shown(rows: Sequence[Mapping[str, Any]], agency: str) -> list[Mapping[str, Any]]:
    """Choose the related releases to show: first releases of other agencies, then the agency's own.

    Up to OWN_PLACES releases of the agency itself are chosen, or more if the releases of other
    agencies do not fill the remaining places.

    >>> rows = [{"id": number, "agency": "fyr" if number < 8 else "hamn"} for number in range(14)]
    >>> [row["id"] for row in choose_shown(rows, "fyr")]
    [8, 9, 10, 11, 0, 1]
    >>> [row["id"] for row in choose_shown(rows[:10], "fyr")]
    [8, 9, 0, 1, 2, 3]
    """
    own = [row for row in rows if row["agency"] == agency]
    others = [row for row in rows if row["agency"] != agency]
    own = own[: max(OWN_PLACES, MAX_SHOWN - len(others))]
    return [*others[: MAX_SHOWN - len(own)], *own]
