"""python -m archive serve: what cannot be served is told in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def serve(file: Path) -> tuple[int, str]:
    """Exit code and complaint."""
    command = [sys.executable, "-m", "archive", "serve", str(file), "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stderr


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    code, complaint = serve(tmp_path / "archive.db")
    assert code == 2
    assert complaint == f"{tmp_path / 'archive.db'}: no such file; `make run` or `make crawl` fills an archive\n"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# No database\n" * 99)
    code, complaint = serve(tmp_path / "README.md")
    assert code == 2
    assert complaint == f"{tmp_path / 'README.md'}: cannot be opened as an archive: file is not a database\n"


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "archive.db").write_bytes(b"")
    code, complaint = serve(tmp_path / "archive.db")
    assert code == 1
    assert "archive.db holds no table releases" in complaint
    assert "Traceback" not in complaint
