"""Reads captured pages with the tools of web archives, warcio and pywb, and evidence files with
sha256sum.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator

from archive.database.captures import Captures
from tests.harness.clients.outcome import ClientMissingError
from tests.harness.clients.readers import find_program
from tests.harness.clients.served import ServedArchive, make_folder
from tests.harness.world.processes import ROOT, find_port, run_archive, run_command, serve

# in an environment of its own, because it pins a version of redis that the project cannot use
PYWB = ROOT / ".venv/pywb"
PYWB_ENVIRONMENT = {"PYTHONPATH": str(PYWB), "PYTHONWARNINGS": "ignore"}
REPLAYED = 12  # pages that are replayed
EVIDENCE_FILES = 12


def check_warc(served: ServedArchive) -> None:
    """Check that export-warc writes each capture with its stored bytes, and that they can be
    replayed.
    """
    file = served.folder / "captures.warc.gz"
    run_archive("export-warc", served.path, "--to", file)
    captured = {
        (url, seen): digest
        for url, seen, digest in served.select("select url, seen, sha256 from captures")
    }
    count = served.count("select 1 from captures")
    expected, pages = f"{count} records, {len(captured)} as captured", choose_pages(served)
    for client, what, wanted, read in (
        ("warcio", ", digests checked", expected, partial(read_with_warcio, file, captured)),
        (
            "warcio",
            ": warcio check",
            "",
            lambda: run_command(find_program("warcio"), "check", file),
        ),
        (
            *("pywb", f": replays {len(pages)} pages", f"{len(pages)} with the same bytes"),
            partial(replay_with_pywb, served, file, pages),
        ),
    ):
        served.check(client, f"export-warc{what}", wanted, read)
    shown = [page for page in pages if served.get(f"/-/web/timemap/link/{page[0]}").is_success]
    served.check(
        "pywb",
        f"-/web: replays {len(shown)} pages by Memento",
        f"{len(shown)} with the same bytes",
        partial(replay_mementos, served, shown),
    )


def read_with_warcio(file: Path, captured: dict[tuple[str, str], str]) -> str:
    """Count records, and those whose payload has the stored hash, under the stored URL and time."""
    records, right = 0, set()
    with file.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests="raise"):
            if record.rec_type not in ("response", "revisit"):
                continue
            records += 1
            get = record.rec_headers.get_header
            key = (get("WARC-Target-URI"), get("WARC-Date").replace("Z", "+00:00"))
            digest = get("WARC-Payload-Digest").removeprefix("sha256:")
            content = record.content_stream().read()
            if record.rec_type == "response" and hashlib.sha256(content).hexdigest() != digest:
                continue
            if captured.get(key) == digest:
                right.add(key)
    return f"{records} records, {len(right)} as captured"


def choose_pages(served: ServedArchive) -> list[tuple[str, str, str]]:
    """Return URL, time and hash of some captures, from the first to the last."""
    rows = served.select("select url, seen, sha256 from captures where status = 200 order by id")
    step = max(1, len(rows) // REPLAYED)
    return [(url, seen, digest) for url, seen, digest in rows[::step]][:REPLAYED]


def replay_with_pywb(served: ServedArchive, file: Path, pages: list[tuple[str, str, str]]) -> str:
    """Count pages that pywb replays from a WARC file with the bytes that were captured."""
    folder = prepare_pywb(served, "pywb")
    manager = (sys.executable, PYWB / "bin/wb-manager")
    run_command(*manager, "init", "archive", cwd=folder, **PYWB_ENVIRONMENT)
    run_command(*manager, "add", "archive", file, cwd=folder, **PYWB_ENVIRONMENT)
    return count_replayed(folder, pages)


def replay_mementos(served: ServedArchive, pages: list[tuple[str, str, str]]) -> str:
    """Count pages that pywb reads from the served archive by Memento, with the same bytes."""
    folder = prepare_pywb(served, "pywb-memento")
    index = f"memento+{served.url}/-/web/"
    (folder / "config.yaml").write_text(f"collections: {{archive: {{index: '{index}'}}}}\n")
    return count_replayed(folder, pages)


def prepare_pywb(served: ServedArchive, name: str) -> Path:
    if not (PYWB / "installed").is_file():
        raise ClientMissingError("no pywb: make .venv/pywb/installed")
    return make_folder(served.folder, name)


def count_replayed(folder: Path, pages: list[tuple[str, str, str]]) -> str:
    """Run pywb in a folder, and count the pages that it shows with the same bytes."""
    same, faults, port = 0, [], find_port()
    wayback = (sys.executable, PYWB / "bin/wayback", "--port", port, "--bind", "127.0.0.1")
    with serve(wayback, port, folder, PYWB_ENVIRONMENT) as server:
        for url, seen, digest in pages:
            stamp = "".join(letter for letter in seen[:19] if letter.isdigit())
            response = server.client.get(f"/archive/{stamp}id_/{url}")
            is_same = hashlib.sha256(response.content).hexdigest() == digest
            same += is_same
            faults += [] if is_same else [f"{response.status_code} for {url}"]
    return "; ".join([f"{same} with the same bytes", *faults[:2]])


def check_evidence(served: ServedArchive) -> None:
    """Check evidence files: sha256sum finds each file intact, and the page has the captured
    bytes.
    """
    rows = served.select(
        "select v.id, c.sha256 from revisions v join captures c on c.id = v.capture"
        " where v.takedown is null order by v.id"
    )
    with Captures(served.path, readonly=True) as captures:
        rows = [row for row in rows if row[1] in captures]
    chosen = rows[:: max(1, len(rows) // EVIDENCE_FILES)][:EVIDENCE_FILES]
    if not chosen:
        served.skip("sha256sum", "evidence files", "no bytes are stored")
        return
    what, expected = f"-/evidence/N.zip of {len(chosen)} revisions", f"{len(chosen)} sound"
    served.check("sha256sum", what, expected, lambda: check_bundles(served, chosen))


def check_bundles(served: ServedArchive, chosen: list[tuple[int, str]]) -> str:
    program = shutil.which("sha256sum")
    if program is None:
        raise ClientMissingError("no sha256sum (coreutils)")
    sound = 0
    for key, digest in chosen:
        folder = make_folder(served.folder, f"evidence-{key}")
        with zipfile.ZipFile(io.BytesIO(served.get(f"/-/evidence/{key}.zip").content)) as bundle:
            bundle.extractall(folder)
        (sums,) = folder.rglob("SHA256SUMS")
        command = [program, "--check", "--strict", "--quiet", sums.name]
        done = subprocess.run(command, cwd=sums.parent, check=False)
        pages = [path for path in sums.parent.iterdir() if path.name.startswith("page.")]
        same = [hashlib.sha256(path.read_bytes()).hexdigest() == digest for path in pages]
        sound += done.returncode == 0 and same == [True]
    return f"{sound} sound"
