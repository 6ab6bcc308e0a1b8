"""Writes evidence bundles: zip files with the evidence for a revision or a removal.

A bundle contains the original page, the stored state, the files that the release linked to, the
manifest lines that cover them, and a guide in each language. The guide says which times are known,
what each file contains, and how to check the files with sha256sum.
"""

from __future__ import annotations

import json
import mimetypes
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from sqlite_utils import Database

from archive.database.captures import Captures, compute_sha256, open_captures, read_capture_body
from archive.database.models import find_collection, parse_state
from archive.database.redaction import IS_FILE_WITHHELD_SQL
from archive.database.sqlite_files import ArchiveError, sqlite_errors
from archive.evidence.manifest import Manifest, format_canonical_state, read_manifests
from archive.evidence.verification import open_archive
from archive.i18n import DEFAULT_LANGUAGE, LANGUAGES, WebArchiveName, translate

CHECKSUMS_FILE = "SHA256SUMS"
ATTACHMENTS_FILE = "attachments.json"
MAX_ATTACHED_BYTES = 50_000_000  # of all attachments in a bundle
REMOVAL_FIELDS = (
    "kind",
    "target",
    "first_seen",
    "last_seen",
    "checks",
    "confirmed",
    "ended",
    "status",
    "moved_to",
)
# type of the name of a version's collection → ending of the keys of texts about it
ORIGINS = {type(None): "", str: "_import", WebArchiveName: "_past"}
# mimetypes may return .htm
MARKUP_EXTENSIONS = {"text/html": ".html", "application/xhtml+xml": ".html"}

REVISION_SQL = (
    "select v.*, r.url, r.agency, a.name, coalesce(a.name_en, a.name) as name_en,"
    " case when r.revision = v.id then r.last_checked"
    " when v.cause = 'import' then ("
    "   select max(coalesce(iif(o.id = r.revision, r.last_checked, o.last_seen), o.seen))"
    "   from revisions o where o.release = r.id and o.hash = v.hash and o.cause <> 'import')"
    " else v.last_seen end as last_seen_at, t.at as taken_down,"
    " t.reason, coalesce(t.reason_en, t.reason) as reason_en,"
    " (select min(seen) from observations where revision = v.id) as first_reading,"
    " (select max(seen) from observations where revision = v.id) as last_reading"
    " from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency"
    " left join takedowns t on t.id = v.takedown where v.id = ?"
)
OBSERVATIONS_SQL = """
    select x.name, x.kind, min(o.seen), max(o.seen) from observations o join observers x
      on x.id = o.observer where o.revision = ? group by x.id order by 3, 1
"""
REMOVAL_SQL = (
    "select o.*, r.title, r.url, r.hash, r.takedown, a.name,"
    " coalesce(a.name_en, a.name) as name_en,"
    " t.at as taken_down, t.reason, coalesce(t.reason_en, t.reason) as reason_en"
    " from removals o join releases r on r.id = o.release join agencies a on a.slug = r.agency"
    " left join takedowns t on t.id = (select min(id) from"
    " takedowns where release = r.id and lifted is null) where o.id = ?"
)
# Versions of a URL that were not yet replaced when the revision was first seen. `until`: when it
# was followed by another one; a version found later was not seen with this revision
ATTACHED_VERSIONS_SQL = f"""
    select n.id as version, n.first_seen, n.last_seen, n.checks, n.capture,
      c.url as final_url, c.headers,
      f.sha256, f.bytes, f.kind, {IS_FILE_WITHHELD_SQL} as withheld,
        n.first_seen >= coalesce(:until, '9') as later
    from attachment_versions n join attachment_files f on f.id = n.file join captures c
      on c.id = n.capture
    where n.url = :url and not exists
      (select 1 from attachment_versions x where x.url = n.url and x.id > n.id
        and x.first_seen <= :since)
    order by n.id
"""
UNFETCHED_SQL = (
    "select problem from frontier where url = ? and role = 'attachment' and state <> 'done'"
)


@dataclass(slots=True, kw_only=True)
class EvidenceBundle:
    """A zip file that is being written. The same content always results in the same bytes."""

    zip: ZipFile
    folder: str
    # time of every file in the zip, which must not depend on when the zip was made
    timestamp: datetime
    times: list[tuple[str, object]] = field(default_factory=list)  # (key of a text, time)
    # (name, key of the text that describes the file)
    files: list[tuple[str, str]] = field(default_factory=list)
    checksums: list[tuple[str, str]] = field(default_factory=list)  # (name, SHA-256)
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # (key of a text, values)
    attached_bytes: int = 0  # of the attachments so far
    # "_import" for a version that another collection had, "_past" for one that a web archive
    # captured; selects texts of the guide
    origin: str = ""
    # (key of a text, values): instructions for checking
    steps: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def add_file(
        self,
        name: str,
        content: bytes,
        description_key: str | None = None,
        sha256: str | None = None,
        compression: int = ZIP_DEFLATED,
    ) -> None:
        """Write a file to the bundle.

        description_key: the key of the file's description in the guide. Without a key, the guide
            does not list the file.
        sha256: the file's checksum, to be listed in SHA256SUMS.
        """
        entry = ZipInfo(f"{self.folder}/{name}", self.timestamp.timetuple()[:6])
        entry.compress_type, entry.external_attr = compression, 0o644 << 16
        self.zip.writestr(entry, content)
        if description_key:
            self.files.append((name, description_key))
        if sha256:
            self.checksums.append((name, sha256))

    def close(self, title_key: str, title_values: dict[str, Any]) -> None:
        """Write SHA256SUMS (if there are checksums) and, in each language, a guide to the files."""
        if self.checksums:
            lines = "".join(f"{sha256}  {name}\n" for name, sha256 in self.checksums)
            self.add_file(CHECKSUMS_FILE, lines.encode(), CHECKSUMS_FILE)
            self.steps.insert(0, ("check_files", {}))
        received = [name for name, key in self.files if key in ("page", "attached")]
        if received:
            self.notes.append(("open_with_care", {"names": ", ".join(received)}))
        for language in LANGUAGES:
            self.add_file(
                f"README.{language}.txt",
                self.format_guide(title_key, title_values, language).encode(),
            )

    def format_guide(self, title_key: str, title_values: dict[str, Any], language: str) -> str:
        """Format a plain-text guide for reading and checking the bundle."""

        def format_text(key: str, **values: object) -> str:
            return _format_guide_text(language, key, values)

        parts = [f"{format_text(title_key, **title_values)}\n{format_text('from', **title_values)}"]
        parts += [format_text(key, **values) for key, values in self.notes]
        time_lines = [
            f"  {format_text(key)}: {format_text('not_told') if value is None else value}"
            for key, value in self.times
        ]
        parts.append("\n".join([format_text("times"), *time_lines]))
        if self.checksums:
            parts += self._format_checks(format_text)
        return "\n\n".join(parts) + "\n"

    def _format_checks(self, format_text: Callable[..., str]) -> list[str]:
        files = [f"  {name}: {format_text(key)}" for name, key in self.files]
        steps = [
            f"  {number}. {format_text(key, **values)}"
            for number, (key, values) in enumerate(self.steps, 1)
        ]
        has_chain = any(key == "check_chain" for key, _ in self.steps)
        return [
            "\n".join([format_text("files"), *files]),
            "\n".join([format_text("check"), *steps]),
            format_text(f"limits{self.origin}" if has_chain else "alone"),
        ]


def _format_guide_text(language: str, key: str, values: Mapping[str, object]) -> str:
    # converted to text, because an id has no thousands separators
    texts = {
        name: value if isinstance(value, str) else str(value) for name, value in values.items()
    }
    if language != DEFAULT_LANGUAGE:
        texts |= {
            name.removesuffix("_en"): text for name, text in texts.items() if name.endswith("_en")
        }
    return translate(language, f"guide.{key}", **texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """The place of a row in the manifests.

    part: the name of the part of `manifest` that contains the row.
    text: the text of that part.
    line: the row's line in the text.
    """

    manifest: Manifest
    part: str
    text: bytes
    line: dict[str, Any]


def write_bundle(path: Path, table: str, row_ids: Sequence[int], out: IO[bytes]) -> bool:
    """Write a zip file with the bundles of rows of `revisions` or `removals`, each in its own
    folder.

    Returns False if one of the rows does not exist. The guide lists bytes and manifests that are
    missing or damaged. Raises ArchiveError if archive.db cannot be read.
    """
    is_removal = table == "removals"
    sql, prefix = (REMOVAL_SQL, "removal-") if is_removal else (REVISION_SQL, "")
    with (
        sqlite_errors(path, table=table, key=row_ids[0]),
        closing(open_archive(path)) as db,
        open_captures(path) as captures,
    ):
        # everything is read from one state of the archive, even while a crawl writes
        db.execute("begin")
        rows = [row for key in row_ids if (row := _read_row_by_id(db, sql, key))]
        if len(rows) < len(row_ids):
            return False
        with ZipFile(out, "w") as file:
            for row in rows:
                timestamp = datetime.fromisoformat(row["first_seen" if is_removal else "seen"])
                folder = f"evidence-{prefix}{row['id']}"
                bundle = EvidenceBundle(zip=file, folder=folder, timestamp=timestamp)
                _fill_bundle(bundle, db, captures, row)
    return True


def _fill_bundle(
    bundle: EvidenceBundle, db: sqlite3.Connection, captures: Captures | None, row: dict[str, Any]
) -> None:
    kind = _name_event(row)
    if kind == "version":
        collection = find_collection(row["cause"], row["parser_version"])
        bundle.origin = ORIGINS[type(collection)]
    bundle.times += _list_observation_times(row, kind, bundle.origin)
    if kind == "version":
        _add_observations(bundle, db, row)
    entries = _find_row_entries(bundle, db, captures, row, kind)
    _add_page(
        bundle, db, captures, row, entries, missing=f"no_capture{bundle.origin or f'_{kind}'}"
    )
    if kind != "version":
        _add_removal(bundle, row, kind)
    elif row["takedown"] is None:
        add_state(bundle, row, entries.get("revisions"))
        _add_attachments(bundle, db, captures, row, entries)
    for entry in {entry.part: entry for entry in entries.values()}.values():
        bundle.add_file(entry.part, entry.text, "parts", compute_sha256(entry.text))
        bundle.steps.append(
            ("check_parts", {"part": entry.part, "manifest": f"chain/{entry.manifest.day}.json"})
        )
    try:
        _add_manifest_chain(bundle, db, captures, entries)
    except ArchiveError as error:
        bundle.notes.append(("no_chain", {"problem": _format_archive_error(error)}))
    title_values = {
        "number": row["id"],
        **{name: row[name] for name in ("title", "url", "name", "name_en")},
    }
    bundle.close(f"title_{kind}", title_values)


def _add_removal(bundle: EvidenceBundle, row: dict[str, Any], kind: str) -> None:
    facts = {name: row[name] for name in REMOVAL_FIELDS if row[name] is not None}
    text = json.dumps(facts, ensure_ascii=False, indent=1).encode()
    bundle.add_file("removal.json", text, f"{kind}.json", compute_sha256(text))


def _name_event(row: dict[str, Any]) -> str:
    if "ended" not in row:
        return "version"
    return "move" if row["kind"] == "moved" else "removal"


def _find_row_entries(
    bundle: EvidenceBundle,
    db: sqlite3.Connection,
    captures: Captures | None,
    row: dict[str, Any],
    kind: str,
) -> dict[str, ManifestEntry]:
    """Return the manifest entries of a row's page and version, by table.

    Missing entries are noted in the bundle.
    """
    keys = {"captures": row["capture"]}
    if kind == "version":
        keys["revisions"] = row["id"]
    entries: dict[str, ManifestEntry] = {}
    try:
        for table, key in keys.items():
            entry = _find_manifest_entry(db, captures, table, key) if key is not None else None
            if entry:
                entries[table] = entry
    except ArchiveError as error:
        bundle.notes.append(("no_chain", {"problem": _format_archive_error(error)}))
        return entries
    last_table = list(keys)[-1]
    if last_table not in entries and keys[last_table] is not None:
        bundle.notes.append(("no_manifest", {}))
    return entries


def _add_page(
    bundle: EvidenceBundle,
    db: sqlite3.Connection,
    captures: Captures | None,
    row: dict[str, Any],
    entries: Mapping[str, ManifestEntry],
    *,
    missing: str,
) -> None:
    """Add the page of a row, or a note that says why there is no page.

    missing: the key of the note for a row without a stored page.
    """
    capture = _read_row_by_id(db, "select * from captures where id = ?", row["capture"])
    # the hashes stay, so that anyone with the original can check it
    if row["takedown"] is not None:
        values = {key: row[key] for key in ("hash", "taken_down", "reason", "reason_en")}
        sha256 = capture["sha256"] if capture else "–"
        bundle.notes.append(("withheld", {"sha256": sha256, **values}))
    elif capture is None:
        bundle.notes.append((missing, {}))
    else:
        add_capture(bundle, captures, capture, entries.get("captures"))


def _list_observation_times(
    row: dict[str, Any], bundle_kind: str, origin: str
) -> list[tuple[str, object]]:
    """Return the times at which the archive observed the event of a row. Each time is paired with
    the key of an interface text that describes it.

    origin: `EvidenceBundle.origin`, which says where the version is from.
    """
    if bundle_kind == "move":
        return [("moved_seen", row["first_seen"])]
    if bundle_kind == "removal":
        return [
            ("away_since", row["first_seen"]),
            ("away_until", row["last_seen"]),
            ("back", row["ended"]),
        ]
    # if it was last seen when it was stored, no check has found it again (if imported: at all)
    last_seen: list[tuple[str, object]] = []
    if row["last_seen_at"] not in (None, row["seen"]):
        last_seen.append(("last_seen", row["last_seen_at"]))
    if row["cause"] != "import":
        return [("seen", row["seen"]), *last_seen]
    end = origin.replace("_import", "")
    taken_over = "taken_over" if last_seen else "taken_over_unseen"
    return [
        (f"reading{end}", row["first_reading"]),
        (f"last_reading{end}", row["last_reading"]),
        (f"{taken_over}{end}", row["seen"]),
        *last_seen,
    ]


def _add_observations(bundle: EvidenceBundle, db: sqlite3.Connection, row: dict[str, Any]) -> None:
    """Note in the bundle the collection from which a version was imported.

    For a version that the archive itself has read, note which collections also contain it, and when
    they read it.
    """
    if collection := find_collection(row["cause"], row["parser_version"]):
        capture = _read_row_by_id(db, "select url from captures where id = ?", row["capture"])
        values = {"collection": collection, "url": capture["url"] if capture else "–"}
        bundle.notes.append(("imported_from", values))
        return
    for name, kind, first, last in db.execute(OBSERVATIONS_SQL, [row["id"]]).fetchall():
        collection = WebArchiveName(name) if kind == "web archive" else name
        bundle.notes.append(("also_in", {"collection": collection, "first": first, "last": last}))


def add_capture(
    bundle: EvidenceBundle,
    captures: Captures | None,
    capture: dict[str, Any],
    entry: ManifestEntry | None,
) -> None:
    headers = json.loads(capture["headers"])
    bundle.times += [("captured", capture["seen"]), ("status", capture["status"])]
    bundle.times += [(name, headers.get(name)) for name in ("date", "last-modified")]
    line = entry.line if entry else {}
    page = f"page{_find_file_extension(headers)}"
    try:
        body = read_capture_body(captures, capture["sha256"])
    except ArchiveError as error:
        bundle.notes.append(("no_bytes", {"problem": _format_archive_error(error)}))
    else:
        bundle.add_file(page, body, "page", line.get("sha256", capture["sha256"]))
    text = capture["headers"].encode()
    bundle.add_file(
        "headers.json", text, "headers.json", line.get("headers_sha256", compute_sha256(text))
    )
    if entry:
        bundle.steps.append(
            ("check_page", {"page": page, "capture": capture["id"], "part": entry.part})
        )


def add_state(bundle: EvidenceBundle, row: dict[str, Any], entry: ManifestEntry | None) -> None:
    bundle.times += [(f"{name}{bundle.origin}", row[name]) for name in ("published", "updated")]
    text = format_canonical_state(row)
    bundle.add_file(
        "release.json",
        text,
        f"release.json{bundle.origin}",
        entry.line["state_sha256"] if entry else compute_sha256(text),
    )
    if entry:
        bundle.steps.append(("check_release", {"revision": row["id"], "part": entry.part}))


def _add_attachments(
    bundle: EvidenceBundle,
    db: sqlite3.Connection,
    captures: Captures | None,
    row: dict[str, Any],
    entries: dict[str, ManifestEntry],
) -> None:
    """Add the files that a revision linked to while it was current, and a list of the attachments
    that says which of them are missing.

    entries: the manifest entries of the files' captures are added to this dict.
    """
    links = parse_state(row)["attachments"] or []
    (until,) = db.execute(
        "select min(seen) from revisions where id > :id and cause <> 'import'"
        " and (release = :release or previous = :id)",
        row,
    ).fetchone()
    for position, link in enumerate(links, 1):
        times = {"url": link["url"], "since": row["seen"], "until": until}
        versions = list(Database(db).query(ATTACHED_VERSIONS_SQL, times))
        link["versions"] = [version for version in versions if not version.pop("later")]
        if not link["versions"]:
            _report_no_version(bundle, db, link, has_later=bool(versions))
        for version in link["versions"]:
            version |= {"headers": json.loads(version["headers"]), "url": link["url"]}
            suffix = _find_attachment_suffix(version)
            name = f"files/{position}-{version['version']}{suffix}"
            try:
                if version["capture"] == row["capture"]:  # the release is this file
                    version["file"] = f"page{_find_file_extension(version['headers'])}"
                else:
                    _add_attached_file(bundle, captures, version, name)
                entry = _find_attachment_entry(db, captures, version)
                if entry:
                    entries[name] = entry
                    version["part"] = entry.part
            except ArchiveError as error:
                _report_missing(bundle, version, "damaged", _format_archive_error(error))
    if links:
        _add_attachment_list(bundle, links)


def _add_attachment_list(bundle: EvidenceBundle, links: Sequence[dict[str, Any]]) -> None:
    text = json.dumps(links, ensure_ascii=False, indent=1).encode()
    bundle.add_file(ATTACHMENTS_FILE, text, ATTACHMENTS_FILE, compute_sha256(text))
    if bundle.attached_bytes:
        bundle.files.append(("files/*", "attached"))
        bundle.steps.append(("check_attachments", {}))


def _report_no_version(
    bundle: EvidenceBundle, db: sqlite3.Connection, link: dict[str, Any], *, has_later: bool
) -> None:
    (problem,) = db.execute(UNFETCHED_SQL, [link["url"]]).fetchone() or (None,)
    reason = "failed" if problem else "never"
    _report_missing(bundle, link, "later" if has_later else reason, problem)


def _find_attachment_suffix(version: dict[str, Any]) -> str:
    """Return the suffix, with its dot, for the file name of an attachment version.

    Removes `kind` from `version`.
    """
    kind = version.pop("kind")
    return f".{kind}" if kind else _find_file_extension(version["headers"])


def _find_attachment_entry(
    db: sqlite3.Connection, captures: Captures | None, version: dict[str, Any]
) -> ManifestEntry | None:
    """Return the manifest entry of an attachment version's capture.

    Returns None if the attachment is not in the bundle, or if no manifest covers the capture yet.
    """
    if "file" not in version:
        return None
    return _find_manifest_entry(db, captures, "captures", version["capture"])


def _add_attached_file(
    bundle: EvidenceBundle, captures: Captures | None, version: dict[str, Any], name: str
) -> None:
    """Add an attachment version's file, unless it is withheld or the bundle would be too large.

    Raises ArchiveError if the bytes are damaged.
    """
    if version.pop("withheld"):
        return _report_missing(bundle, version, "withheld")
    if bundle.attached_bytes + version["bytes"] > MAX_ATTACHED_BYTES:
        return _report_missing(bundle, version, "size")
    body = read_capture_body(captures, version["sha256"])
    bundle.attached_bytes += len(body)
    bundle.add_file(name, body, sha256=version["sha256"], compression=ZIP_STORED)
    version["file"] = name
    return None


def _report_missing(
    bundle: EvidenceBundle, entry: dict[str, Any], reason: str, problem: str | None = None
) -> None:
    """Record, in the guide and in the list of attachments, why a file is not in the bundle.

    entry: the file's entry in the list of attachments.
    """
    entry |= {"missing": reason, **({"problem": problem} if problem else {})}
    values = {name: entry.get(name) for name in ("url", "sha256", "problem")}
    bundle.notes.append(
        (f"missing_{reason}", {**values, "megabytes": MAX_ATTACHED_BYTES // 1_000_000})
    )


def _add_manifest_chain(
    bundle: EvidenceBundle,
    db: sqlite3.Connection,
    captures: Captures | None,
    entries: dict[str, ManifestEntry],
) -> None:
    """Add all manifests, from the first one that covers any of the entries to the newest one."""
    if not entries:
        return
    first = min(
        (entry.manifest for entry in entries.values()), key=lambda manifest: manifest.revisions_to
    )
    chain = read_manifests(
        db, "rowid >= (select rowid from manifests where digest = ?)", first.digest
    )
    for manifest in chain:
        text = read_capture_body(captures, manifest.digest)
        bundle.add_file(f"chain/{manifest.day}.json", text, sha256=manifest.digest)
    bundle.files.append(("chain/*.json", "chain"))
    _add_time_stamps(bundle, db, chain)
    covering = entries.get("revisions") or entries.get("captures")
    bundle.times += [
        ("manifest", covering.manifest.day if covering else None),
        ("newest", chain[-1].day),
    ]
    bundle.steps += [
        ("check_chain", {"day": f"chain/{chain[-1].day}.json", "digest": chain[-1].digest}),
        ("check_published", {}),
    ]


def _add_time_stamps(
    bundle: EvidenceBundle, db: sqlite3.Connection, chain: Sequence[Manifest]
) -> None:
    """Add the time stamps of the manifests, each beside its manifest.

    A time stamp is the response of a time-stamping authority.
    """
    if not Database(db).table("time_stamps").exists():
        return  # the archive is not yet updated
    stamps = db.execute(
        "select manifest, authority, stamped, response,"
        " row_number() over (partition by manifest order by id) from time_stamps"
        " where manifest >= ? order by id",
        [min(manifest.day for manifest in chain)],
    ).fetchall()
    days = {manifest.day for manifest in chain}
    newest = None
    for day, authority, stamped, response, number in stamps:
        if day in days:
            newest = {"file": f"chain/{day}-{number}.tsr", "manifest": f"chain/{day}.json"}
            newest |= {"authority": authority, "when": stamped}
            bundle.add_file(newest["file"], b64decode(response))
    if newest:
        bundle.files.append(("chain/*.tsr", "stamps"))
        bundle.steps.append(("check_stamps", newest))


def _find_manifest_entry(
    db: sqlite3.Connection, captures: Captures | None, table: str, row_id: int
) -> ManifestEntry | None:
    """Return a row's entry in the manifests, or None if no manifest covers it yet.

    Raises ArchiveError if the manifest cannot be read.
    """
    covering = read_manifests(db, f"{table}_to >= ?", row_id)
    if not covering:
        return None
    for part in json.loads(read_capture_body(captures, covering[0].digest))["parts"]:
        first, last = part.get(table, (0, -1))
        if first <= row_id <= last:
            text = read_capture_body(captures, part["sha256"])
            lines = (json.loads(line) for line in text.splitlines())
            line = next((line for line in lines if line[table.removesuffix("s")] == row_id), None)
            if line is not None:
                return ManifestEntry(
                    manifest=covering[0], part=f"{table}-{first}-{last}.jsonl", text=text, line=line
                )
    raise ArchiveError(
        "archive.db",
        f"not in the manifest of {covering[0].day} that covers it",
        table=table,
        key=str(row_id),
    )


def _read_row_by_id(db: sqlite3.Connection, sql: str, row_id: int | None) -> dict[str, Any] | None:
    return next(Database(db).query(sql, [row_id]), None)


def _find_file_extension(headers: Mapping[str, str]) -> str:
    """Return the file extension for the Content-Type of a response.

    >>> _find_file_extension({"content-type": "text/html; charset=utf-8"}), _find_file_extension({})
    ('.html', '.bin')
    """
    media_type = headers.get("content-type", "").split(";", maxsplit=1)[0].strip().lower()
    return MARKUP_EXTENSIONS.get(media_type) or mimetypes.guess_extension(media_type) or ".bin"


def _format_archive_error(error: ArchiveError) -> str:
    """Format an error without the folder of its file, which must not be published."""
    return ": ".join(
        part for part in (Path(error.file).name, error.table, error.key, error.problem) if part
    )
