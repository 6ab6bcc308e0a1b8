"""Checks that backups, and Litestream to a point in time, restore what was there."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from archive.database.sqlite_files import open_readonly
from archive.evidence.verification import verify
from tests.harness.world.checks import Figures
from tests.harness.world.processes import ROOT, Background, run_archive, run_command
from tests.harness.world.sites import ChangingSite
from tests.site.server import Site

CONFIG = ROOT / "scraper" / "deploy" / "litestream.yml"
FILES = ("archive.db", "captures.db")
APART = 2.5  # seconds between a point in time and later changes


def contents(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table of a file, including the search index, without Litestream's
    own tables.
    """
    sql = "select name from sqlite_master where type = 'table' and sql not like 'create virtual%'"
    with closing(open_readonly(file)) as db:
        names = [
            name for (name,) in db.execute(sql) if not name.startswith(("sqlite_", "_litestream"))
        ]
        return {
            name: sorted(db.execute(f'select * from "{name}"').fetchall(), key=repr)
            for name in names
        }


def differing(
    one: dict[str, list[tuple[object, ...]]], other: dict[str, list[tuple[object, ...]]]
) -> list[str]:
    """Return the names of tables that differ."""
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]


def go(litestream: str, folder: Path, result: Figures, tell: Callable[[str], None]) -> None:
    """Test copies of an archive that changes."""
    with Site(releases=40, crawl_delay=None) as site:
        ward = ChangingSite.open(site, folder, 20260303)
        ward.change_and_crawl(4)
        restore_backup(ward, folder, result)
        tell("a back-up was restored")
        restore_point(litestream, ward, folder, result)
        tell("an earlier moment was restored")


def restore_backup(ward: ChangingSite, folder: Path, result: Figures) -> None:
    """Make a backup, crawl, damage the archive, and restore the backup."""
    archive = ward.archive
    run_archive("takedown", "hide", 1, "--reason", "Prov", "--archive", archive)
    then = {name: contents(archive.with_name(name)) for name in (*FILES, "withheld.db")}
    begun = time.monotonic()
    run_archive("backup", archive, "--to", folder / "copies")
    result.add("back-up", f"{time.monotonic() - begun:.1f} s")
    ward.change_and_crawl(4)
    ward.crawling.write("update revisions set title = 'Annat' where id = 2")
    result.least("damage is found", len(verify(archive).findings), 1)
    copy = next(path for path in (folder / "copies").iterdir())
    begun = time.monotonic()
    printed = run_archive("restore", copy, "--to", archive, "--replace")
    result.add("restore", f"{time.monotonic() - begun:.1f} s")
    now = {name: contents(archive.with_name(name)) for name in then}
    wrong = [f"{name}: {table}" for name in then for table in differing(then[name], now[name])]
    result.none("tables that a restored back-up has otherwise", wrong)
    result.none("findings in it", verify(archive).findings)
    result.none("the replaced files are not kept", [] if ".replaced" in printed else [printed])
    ward.change_and_crawl(4)
    result.none("findings after a crawl that goes on from it", verify(archive).findings)


def restore_point(litestream: str, ward: ChangingSite, folder: Path, result: Figures) -> None:
    """Restore an archive that Litestream replicates at two moments: an earlier one and the last."""
    archive, config = ward.archive, folder / "litestream.yml"
    text = CONFIG.read_text("utf-8").replace("/var/lib/myndighetsarkivet", str(archive.parent))
    config.write_text(
        text.replace("/var/backups/myndighetsarkivet-litestream", str(folder / "stream")), "utf-8"
    )
    command = [litestream, "replicate", "-config", config]
    with Background(command, folder / "litestream.log"):
        time.sleep(APART)
        ward.change_and_crawl(4)
        time.sleep(APART)
        point, then = datetime.now(UTC), contents(archive)
        time.sleep(APART)
        ward.change_and_crawl(4)
        last = contents(archive)
        time.sleep(APART)
    result.least("tables that changed after the point", len(differing(then, last)), 3)
    for name, wanted, when in (("point", then, f"{point:%Y-%m-%dT%H:%M:%SZ}"), ("last", last, "")):
        into = folder / name
        into.mkdir()
        begun = time.monotonic()
        for file in (*FILES, "withheld.db"):
            at = ["-timestamp", when] if when and file == "archive.db" else []
            command = [litestream, "restore", "-config", config, *at, "-o", into / file]
            run_command(*command, archive.with_name(file))
        fresh = folder / f"restored-{name}"
        fresh.mkdir()
        run_archive("restore", into, "--to", fresh / "archive.db")
        result.add(f"Litestream: restore of the {name} state", f"{time.monotonic() - begun:.1f} s")
        wrong = differing(wanted, contents(fresh / "archive.db"))
        result.none(f"Litestream, {name}: tables that differ", wrong)
        result.none(f"Litestream, {name}: findings", verify(fresh / "archive.db").findings)
    takes_down(ward, result)


def takes_down(ward: ChangingSite, result: Figures) -> None:
    """Check that a takedown leaves nothing in the log while Litestream is stopped."""
    archive = ward.archive
    run_archive("takedown", "hide", 3, "--reason", "Prov", "--archive", archive)
    log = archive.with_name("archive.db-wal")
    size = log.stat().st_size if log.exists() else 0
    result.add("bytes in the log after a takedown, Litestream stopped", size, "0", good=size == 0)
    rows = ward.rows("select name from sqlite_master where name like '_litestream%'")
    held = [name for (name,) in rows]
    result.add("tables that Litestream keeps in archive.db", ", ".join(held) or "none")
