"""Tests that an invented archive equals one written by the archive's own code: index, counts and
log are correct.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.evidence.verification import verify
from archive.store.derived_data import describe_index_fault
from archive.store.releases import Archive
from tests.bench.invented import words
from tests.bench.invented.filling import fill
from tests.bench.questions import to_classes, to_pages


@pytest.mark.slow("a whole invented archive")
def test_an_invented_archive_holds_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the words of the sample texts are enough
    monkeypatch.setattr(words, "CORPUS", tmp_path / "absent")
    path = tmp_path / "archive.db"
    fill(path, 200, processes=1, days=2)
    with Archive(path, rebuild_stale=False) as archive:
        rows = archive.db.conn
        assert describe_index_fault(archive.db) is None
        assert rows.execute("select count(*) from releases").fetchone() == (200,)
        assert (
            rows.execute("select count(*) from revisions where cause = 'source'").fetchone()[0] > 40
        )
        assert rows.execute("select count(distinct release) from changefeed").fetchone() == (200,)
        before = rows.execute("select * from vocabulary order by word").fetchall()
        archive.derived.recompute_all()
        assert rows.execute("select * from vocabulary order by word").fetchall() == before
    assert [str(finding) for finding in verify(path).findings] == []
    assert all(to_classes(path).values())
    assert all(to_pages(path).values())
