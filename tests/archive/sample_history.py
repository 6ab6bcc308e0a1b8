"""An agency whose releases have a history: edits, reverts, re-parsed pages, removals of each kind,
moves.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from archive.database.models import Attachment, Capture, Contact, Question, Release
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive
from tests.archive.sample import SEEN, STOCKHOLM

AGENCY = "andringsverket"
EDITED = "Stödet till båtbyggare höjs"  # edited three times: announced, unannounced, many fields
EDITED_NEWEST = "Stödet till båtbyggare sänks"  # its title after the edits
EDITED_ID = 51
EDITED_REVISIONS = (51, 52, 53, 54, 55)  # the fourth was re-parsed
REVERTED = "Färjan till Ekö ställs in"  # goes back and forth
MOVED = "Nya regler för småbåtshamnar"  # found at a second URL, with an edit
MOVED_SAME_ID = "Karta över grynnor"  # found at a second URL, unchanged
REMOVED = {  # kind of removal: title of the release
    "gone": "Avgifterna för bryggor",
    "error page": "Så anmäler du ett vrak",
    "redirected": "Öppettider i juli",
    "replaced": "Ansök om dykstöd",
}
RETURNED = "Isläget i skärgården"  # missing for a week, then found again
UNCONFIRMED = "Prov på dricksvatten"  # found missing once
FAILED = "Lediga bojplatser"  # its server does not answer
DISALLOWED = "Rapport om ankare"  # disallowed by robots.txt
LONG = "Dagens vattenstånd"  # edited more often than a page shows
REVERTS, EDITS = 6, 30
DAY = timedelta(days=1)


def add_history(path: Path, site: str = "https://{slug}.example") -> Path:
    """Add the agency and its releases to an archive."""
    with Archive(path) as archive:
        archive.add_agency(
            AGENCY, name="Ändringsverket", name_en="Agency for Edits", home=site.format(slug=AGENCY)
        )
        add_edits(archive, site)
        add_reverts(archive, site)
        add_moves(archive, site)
        add_removals(archive, site)
        add_outages(archive, site)
        add_long_history(archive, site)
    return path


def copy_archive(path: Path, folder: Path) -> Path:
    """Copy an archive into a new folder, for a test that writes to it."""
    return Path(shutil.copytree(path.parent, folder / "copy")) / path.name


def release(site: str, name: str, title: str, *paragraphs: str, **fields: object) -> Release:
    base = Release(
        agency=AGENCY,
        url=site.format(slug=AGENCY) + f"/nyheter/{name}",
        title=title,
        kind="news",
        body="\n\n".join(paragraphs),
        body_html=to_html("\n\n".join(paragraphs)),
        published=date(2024, 5, 2),
        language="sv",
    )
    return replace(base, **fields)  # type: ignore[arg-type] # the fields of a Release


def add_capture(archive: Archive, url: str, seen: datetime, status: int = 200) -> int:
    """Store a response without its bytes."""
    with archive.transaction():
        return archive.add_capture(
            Capture(
                url=url, seen=seen, status=status, headers={"etag": '"x"'}, sha256="0" * 64, bytes=9
            )
        )


def save(archive: Archive, found: Release, seen: datetime) -> int:
    """Store a release as fetched at a time; return its id."""
    archive.save(
        found,
        seen_at=seen,
        capture_id=add_capture(archive, found.url, seen),
        parser_version="base/1",
        cause="source",
    )
    key = archive.find_release_id(found.url)
    assert key is not None
    return key


def check(archive: Archive, key: int, first: datetime, days: int) -> datetime:
    """Record daily checks that found the release unchanged; return the time of the last."""
    for day in range(days):
        archive.mark_checked(key, first + day * DAY)
    return first + (days - 1) * DAY


def add_edits(archive: Archive, site: str) -> None:
    """Edited with and without a new update date, re-parsed, and edited again, with checks in
    between.
    """
    first = release(
        site,
        "batbyggare",
        EDITED,
        "Stödet till båtbyggare blir 20 miljoner kronor i år.",
        "Ansökan öppnar den 4 juni. Den görs på myndighetens webbplats.",
        "Stödet gäller alla som bygger båtar av trä.",
        "Förra året byggdes fyrtio båtar med stöd.",
        "Mer finns att läsa i förordningen.",
        "Ändringsverket betalar ut stödet i höst.",
        lead="Regeringen höjer stödet.",
        updated=datetime(2024, 5, 2, 9, 0, tzinfo=STOCKHOLM),
        tags=("Båtar",),
        questions=(
            Question(
                position=1,
                question="Vem kan söka?",
                answer="Den som bygger båtar.",
                answered_by="Siv Å",
            ),
        ),
        attachments=(Attachment(url="https://filer.example/f.pdf", title="Förordningen"),),
        contacts=(Contact(name="Siv Å", role="pressansvarig", phone="08-123 45 67"),),
    )
    key = save(archive, first, SEEN)
    at = check(archive, key, SEEN + DAY, 4)
    body = first.body.replace("20 miljoner", "30 miljoner")
    second = replace(
        first,
        body=body,
        body_html=to_html(body),
        updated=datetime(2024, 6, 8, 10, 0, tzinfo=STOCKHOLM),
    )
    save(archive, second, at + DAY)
    at = check(archive, key, at + 2 * DAY, 3)
    body = second.body.replace("den 4 juni", "den 18 juni").replace(
        "\n\nFörra året byggdes fyrtio båtar med stöd.", ""
    )
    third = replace(second, body=body, body_html=to_html(body))
    save(archive, third, at + DAY)
    # re-parsed from the bytes of the last check, half a day later: not an edit
    reparsed = replace(third, lead="Regeringen höjer stödet till båtbyggare.")
    stored = archive.get(third.url)
    assert stored is not None
    archive.save(
        reparsed,
        seen_at=at + DAY * 1.5,
        cause="parser",
        capture_id=stored.capture_id,
        parser_version="base/2",
    )
    fourth = replace(
        reparsed,
        title=EDITED_NEWEST,
        tags=("Båtar", "Stöd"),
        questions=(
            Question(
                position=1,
                question="Vem kan söka?",
                answer="Den som bygger båtar av trä.",
                answered_by="Bo Ek",
            ),
            Question(position=2, question="När betalas det ut?", answer="I höst."),
        ),
        attachments=(Attachment(url="https://filer.example/g.pdf", title="Den nya förordningen"),),
        contacts=(Contact(name="Siv Å", role="pressansvarig", phone="08-765 43 21"),),
    )
    save(archive, fourth, at + 2 * DAY)
    check(archive, key, at + 3 * DAY, 1)


def to_html(body: str) -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in body.split("\n\n"))


def add_reverts(archive: Archive, site: str) -> None:
    """Cancelled, not cancelled, cancelled again …"""
    one = release(site, "farja", REVERTED, "Färjan till Ekö går inte på söndag.")
    other = release(site, "farja", REVERTED, "Färjan till Ekö går som vanligt.")
    for day in range(REVERTS):
        save(archive, (one, other)[day % 2], SEEN + day * DAY)


def add_moves(archive: Archive, site: str) -> None:
    """One release that was found at a second URL and merged, and one whose URL changed."""
    old = release(site, "hamnar", MOVED, "Reglerna gäller från den 1 juli.")
    new = replace(
        old,
        url=old.url.replace("/nyheter/", "/aktuellt/"),
        body="Reglerna gäller från den 1 augusti.",
    )
    new = replace(new, body_html=to_html(new.body))
    first = save(archive, old, SEEN)
    check(archive, first, SEEN + DAY, 2)
    with archive.transaction():
        archive.frontier.add(old.url, agency=AGENCY, role="release", seen_at=SEEN)
        archive.frontier.mark_stored(old.url, first, SEEN)
    second = save(archive, new, SEEN + 3 * DAY)
    with archive.transaction():
        merge_releases(archive, first, second, SEEN + 3 * DAY, new.url, cause="source", status=301)
    check(archive, second, SEEN + 4 * DAY, 2)
    map_ = release(site, "grynnor", MOVED_SAME_ID, "Kartan visar alla grynnor.")
    key = save(archive, map_, SEEN)
    with archive.transaction():
        archive.removals.mark_moved(
            key, SEEN + DAY, map_.url.replace("/nyheter/", "/kartor/"), status=301
        )


def add_removals(archive: Archive, site: str) -> None:
    """One of each kind, one that was found again, and one that is not confirmed."""
    targets = {"redirected": site.format(slug=AGENCY) + "/", "replaced": "Ansök om vrakstöd"}
    statuses = {"gone": 410, "error page": 200, "redirected": 200, "replaced": 200}
    for place, (kind, title) in enumerate(REMOVED.items()):
        key = save(
            archive, release(site, f"borta-{place}", title, f"{title}: så här är det."), SEEN
        )
        last = check(archive, key, SEEN + DAY, 2)
        for step in range(1, 4):
            mark_missing(
                archive,
                key,
                last + step * DAY,
                kind,
                status=statuses[kind],
                target=targets.get(kind),
            )
    key = save(archive, release(site, "is", RETURNED, "Isen bär inte."), SEEN)
    for step in range(1, 5):
        mark_missing(archive, key, SEEN + step * DAY, "gone", status=404)
    with archive.transaction():
        archive.removals.mark_present(key, SEEN + 8 * DAY)
    archive.mark_checked(key, SEEN + 8 * DAY)
    key = save(archive, release(site, "prov", UNCONFIRMED, "Vattnet är gott."), SEEN)
    mark_missing(archive, key, SEEN + DAY, "gone", status=404)


def mark_missing(
    archive: Archive, key: int, seen: datetime, kind: str, *, status: int, target: str | None = None
) -> None:
    """Record a check that did not find the release; the first response of each absence is
    stored.
    """
    capture = None
    if not archive.removals.is_missing(key):
        capture = add_capture(archive, f"https://{AGENCY}.example/{key}", seen, status)
    with archive.transaction():
        archive.removals.mark_missing(
            key, seen, kind, status=status, target=target, capture_id=capture
        )


def add_outages(archive: Archive, site: str) -> None:
    """A URL that fails, and one that is disallowed."""
    for name, title, settle, problem in (
        ("bojar", FAILED, archive.frontier.mark_failed, "answered 503"),
        (
            "ankare",
            DISALLOWED,
            archive.frontier.mark_rejected,
            "IgnoreRequest: Forbidden by robots.txt",
        ),
    ):
        found = release(site, name, title, f"{title} kommer här.")
        save(archive, found, SEEN)
        with archive.transaction():
            archive.frontier.add(found.url, agency=AGENCY, role="release", seen_at=SEEN)
            settle(found.url, SEEN + DAY, f"{found.url}: {problem}")


def add_long_history(archive: Archive, site: str) -> None:
    """A page that is updated every day, in two years."""
    began = datetime(2022, 12, 20, 6, 0, tzinfo=UTC)
    for place in range(EDITS + 1):
        text = f"Vattenståndet är {place} cm över det normala."
        found = release(site, "vatten", LONG, text, updated=(began + place * DAY).date())
        save(archive, found, began + place * DAY)
