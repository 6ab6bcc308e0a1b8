"""What became of releases of the sample archive: edits, turns, re-readings, removals of each kind, a move."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from archive.merge import merge_releases
from archive.models import Attachment, Capture, Contact, Question, Release
from archive.store import Archive
from tests.archive.sample import SEEN, STOCKHOLM

AGENCY = "andringsverket"
EDITED = "Stödet till båtbyggare höjs"  # edited three times: announced, unannounced, facts and parts
TURNING = "Färjan till Ekö ställs in"  # goes back and forth
MOVED = "Nya regler för småbåtshamnar"  # read at a second address, with an edit
RENAMED = "Karta över grynnor"  # stands at another address under one id
AWAY = {  # kind of removal: the title of the release it came to
    "gone": "Avgifterna för bryggor",
    "error page": "Så anmäler du ett vrak",
    "redirected": "Öppettider i juli",
    "replaced": "Ansök om dykstöd",
}
BACK = "Isläget i skärgården"  # gone for a week, and back
DOUBT = "Prov på dricksvatten"  # found away once
FAILED = "Lediga bojplatser"  # its address does not answer
FORBIDDEN = "Rapport om ankare"  # robots.txt forbids it
LONG = "Dagens vattenstånd"  # edited more often than a page shows
TURNS, EDITS = 6, 30
NEXT = timedelta(days=1)


def add_history(path: Path, site: str = "https://{slug}.example") -> Path:
    """One more agency, whose releases have a history; the others stay as they are."""
    with Archive(path) as archive:
        archive.add_agency(AGENCY, name="Ändringsverket", name_en="Agency for Edits", home=site.format(slug=AGENCY))
        add_edits(archive, site)
        add_turns(archive, site)
        add_moves(archive, site)
        add_removals(archive, site)
        add_outages(archive, site)
        add_long(archive, site)
    return path


def release(site: str, name: str, title: str, *paragraphs: str, **fields: object) -> Release:
    """A release of the agency."""
    base = Release(
        agency=AGENCY,
        url=site.format(slug=AGENCY) + f"/nyheter/{name}",
        title=title,
        kind="news",
        body="\n\n".join(paragraphs),
        body_html="".join(f"<p>{paragraph}</p>" for paragraph in paragraphs),
        published=date(2024, 5, 2),
        language="sv",
    )
    return replace(base, **fields)  # type: ignore[arg-type] # the fields of a Release


def capture(archive: Archive, url: str, seen: datetime, status: int = 200) -> int:
    """An answer on record; its bytes are not kept here."""
    with archive.transaction():
        return archive.add_capture(
            Capture(url=url, seen=seen, status=status, headers={"etag": '"x"'}, sha256="0" * 64, bytes=9)
        )


def look(archive: Archive, found: Release, seen: datetime, cause: str = "source") -> int:
    """A look that found the release so; gives its id."""
    archive.save(
        found, seen_at=seen, capture_id=capture(archive, found.url, seen), parser_version="base/1", cause=cause
    )
    key = archive.find_release_id(found.url)
    assert key is not None
    return key


def looks(archive: Archive, key: int, first: datetime, number: int, step: timedelta = NEXT) -> datetime:
    """Further looks that found nothing new; gives the last."""
    for place in range(number):
        archive.mark_checked(key, first + place * step)
    return first + (number - 1) * step


def add_edits(archive: Archive, site: str) -> None:
    """First read, checked, edited with and without the update stamp moving, read anew, edited again."""
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
            Question(position=1, question="Vem kan söka?", answer="Den som bygger båtar.", answered_by="Siv Å"),
        ),
        attachments=(Attachment(url="https://filer.example/f.pdf", title="Förordningen"),),
        contacts=(Contact(name="Siv Å", role="pressansvarig", phone="08-123 45 67"),),
    )
    key = look(archive, first, SEEN)
    at = looks(archive, key, SEEN + NEXT, 4)
    body = first.body.replace("20 miljoner", "30 miljoner")
    second = replace(first, body=body, body_html=to_html(body), updated=datetime(2024, 6, 8, 10, 0, tzinfo=STOCKHOLM))
    look(archive, second, at + NEXT)
    at = looks(archive, key, at + 2 * NEXT, 3)
    body = second.body.replace("den 4 juni", "den 18 juni").replace("\n\nFörra året byggdes fyrtio båtar med stöd.", "")
    third = replace(second, body=body, body_html=to_html(body))
    look(archive, third, at + NEXT)
    # read anew from the bytes of the last look, half a day later: no edit
    anew = replace(third, lead="Regeringen höjer stödet till båtbyggare.")
    held = archive.get(third.url)
    assert held is not None
    archive.save(anew, seen_at=at + NEXT * 1.5, cause="parser", capture_id=held.capture_id, parser_version="base/2")
    fourth = replace(
        anew,
        title="Stödet till båtbyggare sänks",
        tags=("Båtar", "Stöd"),
        questions=(
            Question(position=1, question="Vem kan söka?", answer="Den som bygger båtar av trä.", answered_by="Bo Ek"),
            Question(position=2, question="När betalas det ut?", answer="I höst."),
        ),
        attachments=(Attachment(url="https://filer.example/g.pdf", title="Den nya förordningen"),),
        contacts=(Contact(name="Siv Å", role="pressansvarig", phone="08-765 43 21"),),
    )
    look(archive, fourth, at + 2 * NEXT)
    looks(archive, key, at + 3 * NEXT, 1)


def to_html(body: str) -> str:
    """Paragraphs in markup."""
    return "".join(f"<p>{paragraph}</p>" for paragraph in body.split("\n\n"))


def add_turns(archive: Archive, site: str) -> None:
    """A cancelled ferry, put back, cancelled again …"""
    one = release(site, "farja", TURNING, "Färjan till Ekö går inte på söndag.")
    other = release(site, "farja", TURNING, "Färjan till Ekö går som vanligt.")
    for turn in range(TURNS):
        look(archive, (one, other)[turn % 2], SEEN + turn * NEXT)


def add_moves(archive: Archive, site: str) -> None:
    """One release read at a second address as well, one that changed its address."""
    old = release(site, "hamnar", MOVED, "Reglerna gäller från den 1 juli.")
    new = replace(old, url=old.url.replace("/nyheter/", "/aktuellt/"), body="Reglerna gäller från den 1 augusti.")
    new = replace(new, body_html=to_html(new.body))
    first = look(archive, old, SEEN)
    looks(archive, first, SEEN + NEXT, 2)
    with archive.transaction():
        archive.frontier.add(old.url, agency=AGENCY, role="release", seen_at=SEEN)
        archive.frontier.mark_stored(old.url, first, SEEN)
    second = look(archive, new, SEEN + 3 * NEXT)
    with archive.transaction():
        merge_releases(archive, first, second, SEEN + 3 * NEXT, new.url, cause="source", status=301)
    looks(archive, second, SEEN + 4 * NEXT, 2)
    map_ = release(site, "grynnor", RENAMED, "Kartan visar alla grynnor.")
    key = look(archive, map_, SEEN)
    with archive.transaction():
        archive.removals.mark_moved(key, SEEN + NEXT, map_.url.replace("/nyheter/", "/kartor/"), status=301)


def add_removals(archive: Archive, site: str) -> None:
    """One for each kind, one that came back, one that is not confirmed."""
    targets = {"redirected": site.format(slug=AGENCY) + "/", "replaced": "Ansök om vrakstöd"}
    statuses = {"gone": 410, "error page": 200, "redirected": 200, "replaced": 200}
    for place, (kind, title) in enumerate(AWAY.items()):
        key = look(archive, release(site, f"borta-{place}", title, f"{title}: så här är det."), SEEN)
        last = looks(archive, key, SEEN + NEXT, 2)
        for step in range(1, 4):
            away(archive, key, last + step * NEXT, kind, status=statuses[kind], target=targets.get(kind))
    key = look(archive, release(site, "is", BACK, "Isen bär inte."), SEEN)
    for step in range(1, 5):
        away(archive, key, SEEN + step * NEXT, "gone", status=404)
    with archive.transaction():
        archive.removals.mark_present(key, SEEN + 8 * NEXT)
    archive.mark_checked(key, SEEN + 8 * NEXT)
    key = look(archive, release(site, "prov", DOUBT, "Vattnet är gott."), SEEN)
    away(archive, key, SEEN + NEXT, "gone", status=404)


def away(archive: Archive, key: int, seen: datetime, kind: str, *, status: int, target: str | None = None) -> None:
    """A look that did not find the release; the first answer of each absence is on record."""
    held = (
        None if archive.removals.is_missing(key) else capture(archive, f"https://{AGENCY}.example/{key}", seen, status)
    )
    with archive.transaction():
        archive.removals.mark_missing(key, seen, kind, status=status, target=target, capture_id=held)


def add_outages(archive: Archive, site: str) -> None:
    """An address that fails, and one that may not be asked for."""
    for name, title, settle, problem in (
        ("bojar", FAILED, archive.frontier.mark_failed, "answered 503"),
        ("ankare", FORBIDDEN, archive.frontier.mark_rejected, "IgnoreRequest: Forbidden by robots.txt"),
    ):
        found = release(site, name, title, f"{title} kommer här.")
        look(archive, found, SEEN)
        with archive.transaction():
            archive.frontier.add(found.url, agency=AGENCY, role="release", seen_at=SEEN)
            settle(found.url, SEEN + NEXT, f"{found.url}: {problem}")


def add_long(archive: Archive, site: str) -> None:
    """A page that is kept up to date every day, over two years."""
    began = datetime(2022, 12, 20, 6, 0, tzinfo=UTC)
    for place in range(EDITS + 1):
        text = f"Vattenståndet är {place} cm över det normala."
        found = release(site, "vatten", LONG, text, updated=(began + place * NEXT).date())
        look(archive, found, began + place * NEXT)
