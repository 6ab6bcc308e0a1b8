"""python -m archive serve: what cannot be served is told in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from archive.__main__ import NO_ARCHIVE_MESSAGE

ROOT = Path(__file__).parents[2]
FEW_FILES = """
import resource
from archive.__main__ import MAX_OPEN_FILES, raise_file_limit
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
raise_file_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(MAX_OPEN_FILES, hard if hard > 0 else MAX_OPEN_FILES))
"""


def serve(file: Path) -> tuple[int, str]:
    """Exit code and complaint."""
    command = [sys.executable, "-m", "archive", "serve", str(file), "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stderr


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    code, complaint = serve(tmp_path / "archive.db")
    assert code == 2
    assert complaint == f"{tmp_path / 'archive.db'}: {NO_ARCHIVE_MESSAGE}\n"
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
    assert "archive.db has no table releases" in complaint
    assert "Traceback" not in complaint


def test_idle_connections_leave_files_to_sqlite() -> None:
    done = subprocess.run([sys.executable, "-c", FEW_FILES], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
