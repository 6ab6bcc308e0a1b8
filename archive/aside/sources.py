"""Sources that list far fewer releases than usual: by the columns `links` and `usual` of frontier.

No function commits: wrap calls in `Archive.transaction`.
"""

from __future__ import annotations

from sqlite_utils import Database

MIN_SOURCE_LINKS = 4  # a source that usually names fewer cannot name far fewer


def note_links(db: Database, source: str, links: int) -> None:
    """A source names so many releases now; a listing, on its first page.

    `usual` follows, but not a fall below half of it: that stands until somebody says it is right.
    """
    db.execute(
        "update frontier set links = :links, usual = case when usual >= :few and 2 * :links < usual then usual"
        " else :links end where url = :source",
        {"source": source, "links": links, "few": MIN_SOURCE_LINKS},
    )


def accept_links(db: Database, source: str) -> None:
    """As many as a source names now are what it usually names."""
    db.execute("update frontier set usual = links where url = ?", [source])


def begins_anew(db: Database, source: str, url: str) -> bool:
    """Whether all that a source names now was found with one of its releases: a list begun anew, such as a year's.

    One that was only cut still names what was known before.
    """
    sql = (
        "select count(*) >= (select links from frontier where url = :source) from frontier"
        " where source = :source and role = 'release' and first_seen >="
        " (select first_seen from frontier where url = :url)"
    )
    return bool(db.execute(sql, {"source": source, "url": url}).fetchone()[0])


def find_thin(db: Database, agency: str) -> dict[str, tuple[int, int]]:
    """The sources of an agency that name far fewer releases than usual: how many, and how many usually."""
    rows = db.execute(
        "select url, links, usual from frontier where agency = ? and role in ('feed', 'sitemap', 'listing')"
        " and 2 * links < usual",
        [agency],
    )
    return {url: (links, usual) for url, links, usual in rows}


def source_of(db: Database, url: str) -> str | None:
    """The source that named an address first."""
    row = db.execute("select source from frontier where url = ?", [url]).fetchone()
    return row[0] if row else None
