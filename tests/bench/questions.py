"""The requests to a big archive: classes of searches, and the pages of the site.

The words are taken from the searched archive, so that an archive of any size is searched for its
own rare and common words.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

SHARES = {"rare": 0.0005, "medium": 0.01, "common": 0.1, "very common": 0.5, "in nearly all": 0.95}
FEW = 4  # questions of each class
LONG = 5  # minimum length of a word
SEARCH_MS, PAGE_MS = 100, 25  # limits of the p95, in CPU ms
# of searches in which looser readings or spellings are looked for, and of pages with whole searches
OTHER_MS = {
    **dict.fromkeys(("misspelt", "whole question"), 200),
    "compare": 200,  # two searches of a tenth of all releases, every result counted
    **dict.fromkeys(("history", "history, common"), 300),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question: parameters of /search, and of Datasette's own table search for the same."""

    ours: dict[str, str]
    table: dict[str, str]


def to_classes(archive: Path) -> dict[str, list[Question]]:
    """Return the classes of questions, in the order of the table."""
    with closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as db:
        words = {name: pick_words(db, share) for name, share in SHARES.items()}
        phrases, common_phrases = pick_phrases(db)
        changed = pick_changed_phrases(db)
        agencies = list_agencies(db)
        tags = column(
            db,
            "select t.name from release_tags c join tags t on t.id = c.tag group by c.tag"
            " order by count(*) desc limit 40",
        )
        years = column(
            db,
            "select distinct substr(month, 1, 4) from month_counts"
            " where agency = '' and month like '2%'",
        )
    medium, common, very = words["medium"], words["common"], words["very common"]
    middle = len(agencies) // 2
    return {
        **{name: [ask(word) for word in chosen] for name, chosen in words.items()},
        "two words": [ask(f"{one} {other}") for one, other in zip(common, very, strict=True)],
        "in quotations": [ask(word, show="quotes") for word in common],
        "phrase": [ask(f'"{phrase}"') for phrase in phrases],
        "phrase, common": [ask(f'"{phrase}"') for phrase in common_phrases],
        "prefix": [begin(word[:LONG]) for word in medium],
        "prefix of 3": [begin(word[:3]) for word in very],
        "in the title": [
            Question({"q": f"rubrik:{word}"}, {"_search_title": word}) for word in common
        ],
        "of an agency": [
            ask(word, agency=agencies[place % len(agencies)])
            for word, place in zip(common, (0, middle, -1, 1), strict=True)
        ],
        "of a year": [
            ask(word, year=years[place]) for word, place in zip(common, (0, 1, -1, -2), strict=True)
        ],
        "of a tag": [
            ask(word, tag=tags[place * 10 % len(tags)]) for place, word in enumerate(common)
        ],
        "very common, filtered": [
            ask(word, agency=agencies[middle], kind="notice") for word in very
        ],
        **to_version_classes(words, *changed),
        "misspelt": [Question({"q": wrong(word)}, {"_search": wrong(word)}) for word in medium],
        "whole question": [
            ask(f"hur gör man om {one} blir {other} efter {third}?")
            for one, other, third in zip(medium, common, words["rare"], strict=True)
        ],
        "no words": [Question({}, {})],
        "no words, filtered": [
            Question({"agency": agencies[0]}, {"agency": agencies[0]}),
            Question({"kind": "speech"}, {"kind": "speech"}),
            Question({"year": years[1]}, {"published__startswith": years[1]}),
            Question({"tag": tags[0]}, {}),
        ],
    }


def list_searches(archive: Path) -> list[str]:
    """Return the addresses of all questions at our search page."""
    questions = (each for found in to_classes(archive).values() for each in found)
    return [f"/search?{urlencode(each.ours)}" for each in questions]


def to_version_classes(
    words: dict[str, list[str]], removed: list[str], added: list[str]
) -> dict[str, list[Question]]:
    """Return the classes of questions about earlier versions and edits."""
    medium, common, very = words["medium"], words["common"], words["very common"]
    pairs = [f"{one} {other}" for one, other in zip(common, very, strict=True)]
    return {
        "versions, medium": [ask(word, versions="all") for word in medium],
        "versions, very common": [ask(word, versions="all") for word in very],
        "versions, two words": [ask(pair, versions="all") for pair in pairs],
        "versions, phrase": [ask(f'"{phrase}"', versions="all") for phrase in removed],
        "removed, medium": [ask(f"removed:{word}") for word in medium],
        "removed, very common": [ask(f"removed:{word}") for word in very],
        "removed, phrase": [ask(f'removed:"{phrase}"') for phrase in removed],
        "added, phrase": [ask(f'added:"{phrase}"') for phrase in added],
    }


def to_pages(archive: Path) -> dict[str, list[str]]:
    """Return URLs of the site's other pages, by kind."""
    with closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as db:
        agencies = list_agencies(db)
        releases = column(
            db, "select release from release_facets order by sort_date desc limit 3000"
        )[::999]
        edited = column(db, "select release from revisions where previous is not null limit 2")
        tags = column(db, "select tag from release_tags group by tag order by count(*) desc")
        month = column(
            db,
            "select month from month_counts where agency = '' and dated > 0"
            " and month like '2%' order by month desc",
        )
        edits = db.execute(
            "select previous, id from revisions where previous is not null limit 2"
        ).fetchall()
        common = pick_words(db, SHARES["common"])
        histories, common_histories = pick_phrases(db)
        people = column(
            db,
            "select p.slug from people p order by (select count(*) from quotes q where"
            " q.person = p.id) desc, p.id limit 2",
        )
        its = column(
            db,
            f"select max(month) from month_counts where agency = '{agencies[0]}'"
            " and dated > 0 and month like '2%'",
        )
    some = (agencies[0], agencies[len(agencies) // 2], agencies[-1])
    return {
        "index": ["/"],
        "agencies": ["/agencies"],
        "agency": [f"/agency/{slug}" for slug in some],
        "release": [f"/archive/releases/{key}" for key in (*releases, *edited)],
        "month": [
            f"/month/{month[0]}",
            f"/month/{month[len(month) // 2]}",
            f"/agency/{some[0]}/{its[0]}",
        ],
        "tag": [f"/tag/{tags[0]}", f"/tag/{tags[len(tags) // 2]}"],
        "status": ["/-/status"],
        "status of one": [f"/-/status/{slug}" for slug in some],
        "edits": ["/-/edits", f"/-/edits?agency={some[1]}", "/-/edits?importance=50"],
        "removed": ["/-/removed", f"/-/removed?agency={some[0]}"],
        "diff": [f"/-/diff/{previous}/{key}" for previous, key in edits],
        "feed": ["/new.atom", f"/agency/{some[0]}.atom", "/-/edits.atom"],
        "sitemap": ["/sitemap.xml"],
        "compare": ["/-/over-time?" + urlencode([("q", word) for word in common[:2]])],
        "history": list(map(to_history, histories)),
        "history, common": list(map(to_history, common_histories)),
        "people": ["/people", f"/people?agency={some[0]}"],
        "person": [f"/person/{slug}" for slug in people],
        "data": ["/-/changes.json?size=100", f"/-/history/{edited[0]}.json"],
    }


def ask(text: str, **chosen: str) -> Question:
    """Return the parameters of both for the same words, and the same filters if the table has
    them.
    """
    table = {name: value for name, value in chosen.items() if name in ("agency", "kind")}
    return Question({"q": text, **chosen}, {"_search": text, **table})


def to_history(phrase: str) -> str:
    """Return the address of the history of a wording."""
    return "/-/over-time?" + urlencode({"q": f'"{phrase}"'})


def begin(text: str) -> Question:
    """Return a search for the beginnings of words."""
    return Question({"q": f"{text}*"}, {"_search": f"{text}*", "_searchmode": "raw"})


def wrong(word: str) -> str:
    """Swap two letters in the middle of a word."""
    at = len(word) // 2
    return f"{word[: at - 1]}{word[at]}{word[at - 1]}{word[at + 1 :]}"


def column(db: sqlite3.Connection, sql: str) -> list[str]:
    """Return the first column of the rows."""
    return [row[0] for row in db.execute(sql)]


def list_agencies(db: sqlite3.Connection) -> list[str]:
    """Return the agencies, those with most releases first."""
    sql = "select agency from month_counts where agency <> '' and month = ''"
    return column(db, f"{sql} order by releases desc")


def pick_words(db: sqlite3.Connection, share: float) -> list[str]:
    """Return the words that are contained in about a given share of the releases."""
    rows = db.execute(
        "select word from vocabulary where length(word) >= ? order by abs(releases - ? *"
        " (select releases from month_counts where agency = '' and month = '')), word limit ?",
        [LONG if share < 0.9 else 3, share, FEW],
    )
    return [word for (word,) in rows]


def pick_phrases(db: sqlite3.Connection) -> tuple[list[str], list[str]]:
    """Return phrases of three words from titles: some without very common words, and some with at
    least one.
    """
    sql = (
        "select title from releases where id % 7 = 1 and title like '% % % %' and title not"
        " like '%\"%' limit 2000"
    )
    phrases = [" ".join(title.split()[1:4]) for title in column(db, sql)]
    whole = db.execute(
        "select releases from month_counts where agency = '' and month = ''"
    ).fetchone()[0]
    very = set(
        column(db, f"select word from vocabulary where releases >= {SHARES['very common'] * whole}")
    )
    kinds: tuple[list[str], list[str]] = ([], [])
    for phrase in phrases:
        kinds[not very.isdisjoint(phrase.casefold().split())].append(phrase)
    some, other = (random.Random(5).sample(kind, min(FEW, len(kind))) for kind in kinds)
    return some, other


def pick_changed_phrases(db: sqlite3.Connection) -> tuple[list[str], list[str]]:
    """Return some of four words that an edit removed, and some that one added."""
    edits = "revisions v join revisions b on b.id = v.previous where v.cause = 'source'"
    removed: list[str] = []
    added: list[str] = []
    for before, after in db.execute(f"select b.body, v.body from {edits} limit 200"):
        paragraphs = set(before.split("\n\n")), set(after.split("\n\n"))
        removed += [" ".join(text.split()[:4]) for text in sorted(paragraphs[0] - paragraphs[1])]
        added += [" ".join(text.split()[:4]) for text in sorted(paragraphs[1] - paragraphs[0])]
    return [text for text in removed if '"' not in text][:FEW], [
        text for text in added if '"' not in text
    ][:FEW]
