"""Tests the archive of `make bulk`: repeated releases are in it and in the change feed."""

from __future__ import annotations

from pathlib import Path

from archive.store.releases import Archive
from tests.archive.mirror import Mirror, read_shown
from tests.archive.sample import fill
from tests.harness.bulk.archive import repeat


def test_what_is_repeated_can_be_mirrored(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with Archive(path) as archive:
        (held,) = archive.db.execute("select max(id) from releases").fetchone()
        with archive.transaction():
            repeat(archive, held, held)
    mirror = Mirror(path)
    while mirror.read_page(40):
        pass
    assert mirror.releases == read_shown(path)
    assert len(mirror.releases) == 2 * held
    assert mirror.releases[1]["questions"] == mirror.releases[1 + held]["questions"] != []
