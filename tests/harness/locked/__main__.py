"""python -m tests.harness.locked [NAME …]: attacks the served archive, and measures how long a
reader waits.
"""

from __future__ import annotations

import random
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from archive.database.models import Release
from archive.database.sqlite_files import open_readonly
from archive.store.releases import Archive
from tests.archive.sample import SEEN, fill
from tests.harness.locked.attacks import ATTACKS, WORDS, Attack
from tests.harness.locked.measure import (
    LIMITS,
    MemoryWatch,
    beside,
    find_p95,
    measure,
    read_alone,
)
from tests.harness.world.processes import serve_archive

RELEASES = 3_000
LETTERS = 200_000


def main(names: list[str]) -> int:
    """Print a table; return 1 if an attack exceeded a limit."""
    attacks = [
        attack for attack in ATTACKS if not names or any(name in attack.name for name in names)
    ]
    failed: list[str] = []
    waits: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = build(Path(folder) / "archive.db", RELEASES, LETTERS)
        with serve_archive(path) as served:
            watch = MemoryWatch(served.process.pid)
            with beside(watch.look, 0.02):
                read_alone(served.port)
                alone = find_p95(read_alone(served.port))
                watch.reset()
                size = path.stat().st_size / 1e6
                print(f"archive of {size:.0f} MB; a reader alone: p95 {alone * 1000:.0f} ms;")
                print(f"server at rest {watch.peak / 1e6:.0f} MB\n")
                print(
                    f"{'attack':<28}{'alone s':>8}{'status':>7}"
                    f"{'bytes':>12}{'8: s':>7}{'peak MB':>9}{'reader p95 ms':>15}"
                )
                for attack in at_revisions(attacks, path):
                    found = measure(served, watch, attack)
                    waits += found.reads
                    failed += [f"{attack.name}: {fault}" for fault in found.faults]
                    print(
                        f"{attack.name:<28}{found.seconds:>8.2f}{found.status:>7}"
                        f"{found.size:>12,}{found.slowest:>7.1f}{found.peak / 1e6:>9.0f}"
                        f"{found.p95 * 1000:>15.0f}{'  !' if found.faults else ''}",
                        flush=True,
                    )
                after = find_p95(read_alone(served.port))
                watch.reset()
    print(
        f"\nreader beside eight attackers: p95"
        f" {find_p95(waits) * 1000:.0f} ms of {len(waits)} pages\n"
        f"afterwards alone: p95 {after * 1000:.0f} ms; server at rest {watch.peak / 1e6:.0f} MB"
    )
    print(f"at most {LIMITS}: {len(attacks)} attacks, {len(failed)} beyond it", *failed, sep="\n")
    return 1 if failed else 0


def at_revisions(attacks: list[Attack], path: Path) -> list[Attack]:
    """Insert the ids of the two longest versions into attacks that need them."""
    sql = "select id from revisions order by length(body) desc, id limit 2"
    with closing(open_readonly(path)) as db:
        one, other = sorted(key for (key,) in db.execute(sql))
    return [
        replace(each, path=each.path.replace("{one}", str(one)).replace("{other}", str(other)))
        for each in attacks
    ]


def build(path: Path, releases: int, letters: int) -> Path:
    """Create an archive that is worth attacking: invented texts, the same each time; one has a
    million letters and an edit.
    """
    chance = random.Random(20240603)

    def write(length: int) -> str:
        words = " ".join(chance.choices(WORDS.split(), k=length // 8))
        return "\n\n".join(words[at : at + 600] for at in range(0, len(words), 600))

    fill(path)
    with Archive(path) as archive:
        for number in range(releases):
            title = f"{write(40)} {number}"
            archive.save(to_release(f"/massa/{number}", title, write(3_000)), seen_at=SEEN)
        long = to_release("/massa/lang", "En mycket lång text", write(letters))
        archive.save(long, seen_at=SEEN)
        text = write(letters)
        edited = replace(long, body=text, body_html=f"<p>{text}</p>")
        archive.save(edited, seen_at=SEEN + timedelta(days=1))
    return path


def to_release(path: str, title: str, body: str) -> Release:
    """Return a release of the sample's roads agency."""
    return Release(
        agency="vagmyndigheten",
        url=f"https://vagmyndigheten.example{path}",
        title=title,
        lead=body[:200],
        body=body,
        body_html="".join(f"<p>{part}</p>" for part in body.split("\n\n")),
        language="sv",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
