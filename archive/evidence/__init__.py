"""Gathers what a version rests on into a zip that anyone can check with sha256sum alone."""

from __future__ import annotations

import json
import mimetypes
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

from archive.captures import Captures
from archive.errors import ArchiveError
from archive.evidence.bundle import Bundle
from archive.evidence.manifest import Manifest, read_manifests, sha256_of, state_text
from archive.evidence.verify import find_captures, open_archive

REVISION = (
    "select v.*, r.url, r.agency, a.name, coalesce(a.name_en, a.name) as name_en,"
    " case when r.revision = v.id then r.last_checked else v.last_seen end as stood, t.at as taken_down, t.reason,"
    " coalesce(t.reason_en, t.reason) as reason_en"
    " from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency"
    " left join takedowns t on t.id = v.withheld where v.id = ?"
)
REMOVAL = (
    "select o.*, r.title, r.url, r.hash, r.withheld, a.name, coalesce(a.name_en, a.name) as name_en,"
    " t.at as taken_down, t.reason, coalesce(t.reason_en, t.reason) as reason_en"
    " from removals o join releases r on r.id = o.release join agencies a on a.slug = r.agency"
    " left join takedowns t on t.id = (select min(id) from takedowns where release = r.id and lifted is null)"
    " where o.id = ?"
)
SEEN_AWAY = ("kind", "target", "first_seen", "last_seen", "checks", "confirmed", "ended", "status", "moved_to")
CAPTURE = "select * from captures where id = ?"
MARKUP = {"text/html": ".html", "application/xhtml+xml": ".html"}  # mimetypes may say .htm


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a row stands in the manifests: the part's name and text, and its line there."""

    manifest: Manifest
    part: str
    text: bytes
    line: dict[str, Any]


def write_evidence(path: Path, revision: int, out: IO[bytes]) -> bool:
    """Write the bundle of a revision; False where there is none of that number, and nothing is written.

    Bytes and manifests that are missing or damaged are told in its guide. ArchiveError where archive.db cannot
    be read.
    """
    return write_bundle(path, "revisions", revision, out)


def write_removal(path: Path, removal: int, out: IO[bytes]) -> bool:
    """The same of a removal: the answer that stood in the release's place when it was first seen away."""
    return write_bundle(path, "removals", removal, out)


def write_bundle(path: Path, table: str, key: int, out: IO[bytes]) -> bool:
    """The bundle of a row of revisions or removals."""
    with closing(open_archive(path)) as db:
        try:
            db.execute("begin")  # one state of the archive, whatever a crawl writes meanwhile
            row = find_row(db, REMOVAL if table == "removals" else REVISION, key)
            if row is None:
                return False
            captures = find_captures(path)
            name = f"removal-{key}" if table == "removals" else str(key)
            moment = datetime.fromisoformat(row["first_seen" if table == "removals" else "seen"])
            try:
                with ZipFile(out, "w") as file:
                    fill(Bundle(zip=file, folder=f"evidence-{name}", when=moment), db, captures, row)
            finally:
                if captures:
                    captures.close()
        except sqlite3.Error as error:
            raise ArchiveError(path, str(error), table=table, key=str(key)) from error
    return True


def fill(bundle: Bundle, db: sqlite3.Connection, captures: Captures | None, row: dict[str, Any]) -> None:
    """Every file of a bundle."""
    what = name_row(row)
    bundle.times += times_of(row, what)
    entries: dict[str, Entry] = {}
    rows = [("captures", row["capture"])] + ([("revisions", row["id"])] if what == "version" else [])
    try:
        for table, key in rows:
            entry = find_entry(db, captures, table, key) if key is not None else None
            if entry:
                entries[table] = entry
    except ArchiveError as error:
        bundle.notes.append(("no_chain", {"problem": tell(error)}))
    else:
        if rows[-1][0] not in entries and rows[-1][1] is not None:
            bundle.notes.append(("no_manifest", {}))
    capture = find_row(db, CAPTURE, row["capture"])
    if row["withheld"] is not None:  # the hashes stay: who has the original can check it
        told = {"sha256": capture["sha256"] if capture else "–", "hash": row["hash"]}
        bundle.notes.append(("withheld", {**told, **{key: row[key] for key in ("taken_down", "reason", "reason_en")}}))
    elif capture is None:
        bundle.notes.append((f"no_capture_{what}", {}))
    else:
        add_capture(bundle, captures, capture, entries.get("captures"))
    if what != "version":
        told = {name: row[name] for name in SEEN_AWAY if row[name] is not None}
        text = json.dumps(told, ensure_ascii=False, indent=1).encode()
        bundle.add("removal.json", text, f"{what}.json", sha256_of(text))
    elif row["withheld"] is None:
        add_state(bundle, row, entries.get("revisions"))
    add_parts(bundle, entries)
    try:
        add_chain(bundle, db, captures, entries)
    except ArchiveError as error:
        bundle.notes.append(("no_chain", {"problem": tell(error)}))
    about = {"number": row["id"], **{name: row[name] for name in ("title", "url", "name", "name_en")}}
    bundle.close(f"title_{what}", about)


def name_row(row: dict[str, Any]) -> str:
    """What a bundle is of: a version, a removal or a move."""
    if "ended" not in row:
        return "version"
    return "move" if row["kind"] == "moved" else "removal"


def times_of(row: dict[str, Any], what: str) -> list[tuple[str, object]]:
    """When the archive saw it."""
    if what == "move":
        return [("moved_seen", row["first_seen"])]
    if what == "removal":
        return [("away_since", row["first_seen"]), ("away_until", row["last_seen"]), ("back", row["ended"])]
    taken_over = row["cause"] == "import"  # and never looked at, unless later checks say so
    stood = None if taken_over and row["stood"] == row["seen"] else row["stood"]
    return [("taken_over" if taken_over else "seen", row["seen"]), ("last_seen", stood)]


def add_capture(bundle: Bundle, captures: Captures | None, capture: dict[str, Any], entry: Entry | None) -> None:
    """The answer's bytes and header fields, as far as they are held."""
    headers = json.loads(capture["headers"])
    bundle.times += [("captured", capture["seen"]), ("status", capture["status"])]
    bundle.times += [(name, headers.get(name)) for name in ("date", "last-modified")]
    told = entry.line if entry else {}
    page = f"page{find_ending(headers.get('content-type', ''))}"
    try:
        body = read_blob(captures, capture["sha256"])
    except ArchiveError as error:
        bundle.notes.append(("no_bytes", {"problem": tell(error)}))
    else:
        bundle.add(page, body, "page", told.get("sha256", capture["sha256"]))
    text = capture["headers"].encode()
    bundle.add("headers.json", text, "headers.json", told.get("headers_sha256", sha256_of(text)))
    if entry:
        bundle.steps.append(("check_page", {"page": page, "capture": capture["id"], "part": entry.part}))


def add_state(bundle: Bundle, row: dict[str, Any], entry: Entry | None) -> None:
    """The version itself."""
    bundle.times += [("published", row["published"]), ("updated", row["updated"])]
    text = state_text(row)
    bundle.add("release.json", text, "release.json", entry.line["state_sha256"] if entry else sha256_of(text))
    if entry:
        bundle.steps.append(("check_release", {"revision": row["id"], "part": entry.part}))


def add_parts(bundle: Bundle, entries: dict[str, Entry]) -> None:
    """The parts of the manifests in which answer and version stand."""
    for entry in entries.values():
        bundle.add(entry.part, entry.text, "parts", sha256_of(entry.text))
        bundle.steps.append(("check_parts", {"part": entry.part, "manifest": f"chain/{entry.manifest.day}.json"}))


def add_chain(bundle: Bundle, db: sqlite3.Connection, captures: Captures | None, entries: dict[str, Entry]) -> None:
    """The manifests from the first that covers any of it to the newest."""
    if not entries:
        return
    chain = read_manifests(db, "day >= ?", min(entry.manifest.day for entry in entries.values()))
    for manifest in chain:
        text = read_blob(captures, manifest.digest)
        bundle.add(f"chain/{manifest.day}.json", text, sha256=manifest.digest)
    bundle.files.append(("chain/*.json", "chain"))
    covering = entries.get("revisions") or entries.get("captures")
    bundle.times += [("manifest", covering.manifest.day if covering else None), ("newest", chain[-1].day)]
    bundle.steps += [
        ("check_chain", {"day": f"chain/{chain[-1].day}.json", "digest": chain[-1].digest}),
        ("check_published", {}),
    ]


def find_entry(db: sqlite3.Connection, captures: Captures | None, table: str, key: int) -> Entry | None:
    """Where a row stands in the manifests; None while none covers it. ArchiveError where that cannot be read."""
    covering = read_manifests(db, f"{table}_to >= ?", key)
    if not covering:
        return None
    for part in json.loads(read_blob(captures, covering[0].digest))["parts"]:
        first, last = part.get(table, (0, -1))
        if first <= key <= last:
            text = read_blob(captures, part["sha256"])
            lines = (json.loads(line) for line in text.splitlines())
            line = next((line for line in lines if line[table.removesuffix("s")] == key), None)
            if line is not None:
                return Entry(manifest=covering[0], part=f"{table}-{first}-{last}.jsonl", text=text, line=line)
    raise ArchiveError("archive.db", f"the manifest of {covering[0].day} does not have it", table=table, key=str(key))


def find_row(db: sqlite3.Connection, sql: str, key: int | None) -> dict[str, Any] | None:
    """The one row under a key, by the names of its columns."""
    cursor = db.execute(sql, [key])
    values = cursor.fetchone()
    return values and dict(zip((name for name, *_ in cursor.description), values, strict=True))


def read_blob(captures: Captures | None, sha256: str) -> bytes:
    """ArchiveError where it is not held, or nothing is."""
    if captures is None:
        raise ArchiveError("captures.db", "no such file", key=sha256)
    return captures.read(sha256)


def find_ending(content_type: str) -> str:
    """The ending of a file of a media type.

    >>> find_ending("text/html; charset=utf-8"), find_ending("application/pdf"), find_ending("")
    ('.html', '.pdf', '.bin')
    """
    media_type = content_type.split(";", maxsplit=1)[0].strip().lower()
    return MARKUP.get(media_type) or mimetypes.guess_extension(media_type) or ".bin"


def tell(error: ArchiveError) -> str:
    """Without the folder, which is nobody's business."""
    return ": ".join(part for part in (Path(error.file).name, error.table, error.key, error.problem) if part)
