"""The searches of the benchmark: words by their frequency, phrases, prefixes, fields, filters.

The words are taken from the searched archive, so that an archive of any size is searched for its
own rare and common words.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

# share of the releases
SHARES = {"rare words": 0.0005, "medium": 0.01, "common": 0.1, "very common": 0.5}
WORDS = 4  # words of each kind
LONG = 5  # minimum length
TITLES = (
    "select title from releases where title like '% % % %' and title not like '%\"%' order by id"
)

Load = list[tuple[dict[str, str], dict[str, str]]]  # parameters of our page, and of Datasette


def to_loads(archive: Path) -> dict[str, Load]:
    """Return the questions by kind, in the order of the table."""
    with closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as db:
        words = {name: pick_words(db, share) for name, share in SHARES.items()}
        phrases = pick_phrases(db)
    medium, common = words["medium"], words["common"]
    return {
        **{name: in_words(chosen) for name, chosen in words.items()},
        "two words": in_words(
            [" ".join(both) for both in zip(common, words["very common"], strict=True)]
        ),
        "phrases": in_words([f'"{phrase}"' for phrase in phrases]),
        "beginnings*": [
            ({"q": f"{word[:LONG]}*"}, {"_search": f"{word[:LONG]}*", "_searchmode": "raw"})
            for word in medium
        ],
        "in the title": [({"q": f"rubrik:{word}"}, {"_search_title": word}) for word in medium],
        "common, of a kind": [
            ({"q": word, "kind": "article"}, {"_search": word, "kind": "article"})
            for word in common
        ],
        "no words": [({}, {})],
    }


def in_words(texts: list[str]) -> Load:
    """Return the parameters of both for the same words."""
    return [({"q": text}, {"_search": text}) for text in texts]


def pick_words(db: sqlite3.Connection, share: float) -> list[str]:
    """Return the words that are contained in about a given share of the releases."""
    rows = db.execute(
        "select word from vocabulary where length(word) >= ? order by"
        " abs(releases - ? * (select count(*) from releases)), word limit ?",
        [LONG, share, WORDS],
    )
    return [word for (word,) in rows]


def pick_phrases(db: sqlite3.Connection) -> list[str]:
    """Return three successive words of some titles."""
    titles = [title for (title,) in db.execute(TITLES)]
    return [" ".join(title.split()[1:4]) for title in random.Random(5).sample(titles, WORDS)]
