"""Makes a whole record of a checkout."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.oracle.commands import record_commands
from tests.oracle.masks import Masks
from tests.oracle.pages import record_pages
from tests.oracle.renames import Renames
from tests.oracle.sample import fill, staged, take_over
from tests.oracle.tables import dump_schema
from tests.oracle.world import ROOT, SERVED, RecordError, World

SITE_PORT, PORT = 8742, 8743  # fixed, because they are in URLs, and URLs in hashes


def record(out: Path, shared: Path | None, names: Renames, harness: Sequence[str]) -> None:
    """Record the checkout in the current folder; raise RecordError if that is impossible."""
    if out.exists() and any(out.iterdir()):
        raise RecordError(f"{out}: is there already")
    for port in (SITE_PORT, PORT):
        if is_taken(port):
            raise RecordError(f"port {port} is taken: only one record can be made at a time")
    work = Path(tempfile.mkdtemp(prefix="oracle-"))
    try:
        places: list[tuple[Path | str, str]] = [
            (work, "<WORK>"),
            (ROOT, "<ROOT>"),
            (sys.prefix, "<PYTHON>"),
        ]
        places += [(shared.resolve(), "<SHARED>")] if shared else []
        timed = {names.column("crawls", "delay"), names.key("delay")}
        world = World(
            out=out,
            work=work,
            shared=shared.resolve() if shared else None,
            names=names,
            masks=Masks([*places, (f"127.0.0.1:{PORT}", "<SERVED>")], timed),
            site_port=SITE_PORT,
            port=PORT,
        )
        record_world(world)
        for name in harness:
            record_harness(world, name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def record_world(world: World) -> None:
    """Record all parts; those that do not need the sample archive run while it is crawled."""
    with ThreadPoolExecutor(1) as beside:
        readings = beside.submit(record_readings, world)
        with staged(world) as stage:
            fill(stage)
            dump_schema(world, world.archive)
            readings.result()  # the server has time limits, so nothing else may run
            served = world.copy_archive(world.work / "served")
            record_pages(world, served)
            record_commands(world)


def record_readings(world: World) -> None:
    """Record how stored pages are parsed, their scores, and an import of another collection."""
    if world.shared is None:
        return
    ran = world.demand(
        "python -m tests.oracle.read_pages {shared}", SERVED, {"shared": world.shared}
    )
    world.write("items.jsonl", ran.out)
    figures = world.work / "score.json"
    places = {"score": world.shared / "score.py", "file": figures}
    world.demand("python {score} --no-peer --json {file}", SERVED, places)
    told = json.loads(figures.read_text("utf-8"))["figures"]
    world.write("score.json", json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    take_over(world)


def record_harness(world: World, name: str) -> None:
    """Record the output of `make <name>`."""
    made = subprocess.run(["make", name], cwd=ROOT, capture_output=True, text=True, check=False)
    world.write(f"harness/{name}.txt", f"exit code {made.returncode}\n{made.stdout}\n{made.stderr}")


def is_taken(port: int) -> bool:
    """Return whether something listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
