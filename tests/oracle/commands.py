"""Records commands on copies of the sample archive: exit codes, output and written files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from tests.oracle.cases import Case, cases
from tests.oracle.tables import dump
from tests.oracle.world import SERVED, World

AT_ONCE = 2  # cases that run in parallel
MOST_TEXT = 200_000  # bytes of a written file that are kept as text
# cases after which the tables are recorded
CHANGED = ("reparse", "quarantine", "takedown", "round", "round-alert", "import", "reindex")
LINES = (
    {
        "url": "https://a.example/1",
        "title": "Stöd till skogen",
        "published": "2019-03-04",
        "body": "Ett stycke.\n\nEtt till.",
    },
    {
        "url": "https://a.example/2",
        "title": "Nytt i december",
        "published": "2019-12",
        "lead": "Kort.",
        "body": "**Fet** text.",
    },
    {"url": "not an address", "title": "x"},
    {"title": "Utan adress"},
)


def record_commands(world: World) -> None:
    """Record every case, some in parallel."""
    lines = world.work / "lines.jsonl"
    lines.write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES) + "no json\n",
        "utf-8",
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(record_case, world, each) for each in cases()]
        try:
            for each in running:
                each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def record_case(world: World, case: Case) -> None:
    """Record a case, and the tables after it if it changes them."""
    folder = world.work / "cases" / case.name
    needed = any("{archive}" in step or "{folder}" in step for step in case.steps)
    archive = world.copy_archive(folder) if needed else folder / "archive.db"
    before = set(folder.rglob("*"))
    told = []
    for step in case.steps:
        made = folder / "out"
        places = {
            "archive": archive,
            "out": made,
            "folder": folder,
            "lines": world.work / "lines.jsonl",
            "newest": max((path for path in made.glob("*") if path.is_dir()), default=made),
        }
        ran = world.run(step, SERVED, places, case.given)
        told.append(
            f"$ {world.names.command(step)}\nexit code {ran.code}\n---"
            f" stdout\n{ran.out}\n--- stderr\n{ran.err}\n"
        )
    told += (
        f"{line}\n"
        for path in sorted(set(folder.rglob("*")) - before)
        for line in describe(folder, path)
    )
    world.write(f"commands/{case.name}.txt", "\n".join(told))
    if case.name in CHANGED:
        dump(world, archive, f"after_{case.name}")


def describe(folder: Path, path: Path) -> Iterator[str]:
    """Yield lines about a file that a command wrote: its content if it is text, else its hash."""
    if not path.is_file() or path.name.endswith(("-wal", "-shm")):
        return
    name = path.relative_to(folder)
    if path.suffix in (".db", ".lock"):
        yield f"=== {name}"  # the same rows may be stored in another order
        return
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    yield f"=== {name}: {len(content)} bytes, sha256 {sha256(content).hexdigest()}"
    if path.name.endswith(".warc.gz"):
        yield from (
            line.decode("utf-8", "replace").rstrip()
            for line in content.splitlines()
            if line.startswith(b"WARC-")
        )
    elif len(content) <= MOST_TEXT:
        try:
            yield content.decode("utf-8")
        except UnicodeDecodeError:
            return
