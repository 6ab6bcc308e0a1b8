"""The mover of modules and names, on a small checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {
    "archive/__init__.py": "",
    "archive/dates.py": '''"""Times."""

from datetime import UTC, datetime

DAY = 86_400  # seconds

# The clock
def now() -> datetime:
    return datetime.now(UTC)


def next_day(moment: float) -> float:
    return moment + DAY
''',
    "archive/store.py": '"""See archive.dates.now."""\n\nfrom archive.dates import DAY, now\n\nLAST = (now, DAY)\n',
    "tests/__init__.py": "",
    "tests/test_dates.py": 'from archive import dates\n\nPATCHED = "archive.dates.now"\narchive = dates.DAY\n',
    "README.md": "The clock is in archive/dates.py, the store in `archive/store.py`.\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def move(checkout: Path, *rows: str) -> subprocess.CompletedProcess[str]:
    mapping = checkout / "mapping.tsv"
    mapping.write_text(
        "\n".join(["today\ttarget", *(row.replace(" -> ", "\t") for row in rows)]), "utf-8"
    )
    program = [sys.executable, str(ROOT / "tests/oracle/moves.py"), str(mapping)]
    return subprocess.run(program, cwd=checkout, capture_output=True, text=True, check=False)


def run(checkout: Path, code: str) -> str:
    program = [sys.executable, "-c", code]
    return subprocess.run(
        program, cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_module_moves_with_what_refers_to_it(checkout: Path) -> None:
    done = move(
        checkout,
        "archive/dates.py -> archive/time/clock.py",
        "archive/store.py -> archive/store.py",
    )
    assert done.returncode == 0, done.stderr
    assert not (checkout / "archive/dates.py").exists()
    assert (
        run(checkout, "from archive.store import LAST; print(LAST[0].__module__)")
        == "archive.time.clock"
    )
    assert "See archive.time.clock.now." in (checkout / "archive/store.py").read_text("utf-8")
    test = (checkout / "tests/test_dates.py").read_text("utf-8")
    assert (
        test
        == 'from archive.time import clock as dates\n\nPATCHED = "archive.time.clock.now"\narchive = dates.DAY\n'
    )
    assert "archive/time/clock.py, the store in `archive/store.py`" in (
        checkout / "README.md"
    ).read_text("utf-8")


def test_module_is_split_and_joined_with_another(checkout: Path) -> None:
    rows = (
        "archive/dates.py -> archive/clock.py",
        "archive/dates.py: DAY, next_day -> archive/store.py",
    )
    done = move(checkout, *rows, "archive/store.py -> archive/store.py")
    assert done.returncode == 0, done.stderr
    clock = (checkout / "archive/clock.py").read_text("utf-8")
    assert ("# The clock\ndef now()" in clock, "next_day" in clock) == (True, False)
    code = "import archive.store as s; print(s.next_day(1), s.LAST[0].__module__, s.DAY)"
    assert run(checkout, code) == "86401 archive.clock 86400"


def test_clash_is_named_and_nothing_is_written(checkout: Path) -> None:
    (checkout / "archive/other.py").write_text("DAY = 24  # hours\n", "utf-8")
    subprocess.run(["git", "add", "-A"], cwd=checkout, check=True)
    done = move(
        checkout, "archive/dates.py -> archive/all.py", "archive/other.py -> archive/all.py"
    )
    assert (
        done.returncode,
        "DAY is defined in archive/dates.py and in archive/other.py" in done.stderr,
    ) == (1, True)
    assert {path.name for path in (checkout / "archive").iterdir()} == {
        "__init__.py",
        "dates.py",
        "store.py",
        "other.py",
    }
