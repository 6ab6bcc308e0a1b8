"""python -m tests.harness.locked [NAME …]: attacks the served archive, and measures how long a
reader waits.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from archive.database.sqlite_files import open_readonly
from tests.harness.locked.archive import build
from tests.harness.locked.attacks import ATTACKS, Attack
from tests.harness.locked.measure import LIMITS, find_p95, measure, read_alone
from tests.harness.locked.server import serving

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
        with serving(path) as server:
            read_alone(server)
            alone = find_p95(read_alone(server))
            server.watch()
            print(
                f"archive of {path.stat().st_size / 1e6:.0f}"
                f" MB; a reader alone: p95"
                f" {alone * 1000:.0f} ms;"
            )
            print(f"server at rest {server.peak / 1e6:.0f} MB\n")
            print(
                f"{'attack':<28}{'alone s':>8}{'status':>7}"
                f"{'bytes':>12}{'8: s':>7}{'peak MB':>9}{'reader p95 ms':>15}"
            )
            for attack in at_revisions(attacks, path):
                figures = measure(server, attack)
                waits += figures.reads
                failed += [f"{attack.name}: {fault}" for fault in figures.faults]
                print(
                    f"{attack.name:<28}{figures.seconds:>8.2f}{figures.status:>7}"
                    f"{figures.size:>12,}"
                    f"{figures.slowest:>7.1f}{figures.peak / 1e6:>9.0f}{figures.p95 * 1000:>15.0f}"
                    f"{'  !' if figures.faults else ''}",
                    flush=True,
                )
            after = find_p95(read_alone(server))
            server.watch()
            print(
                f"\nreader beside eight attackers: p95"
                f" {find_p95(waits) * 1000:.0f} ms of {len(waits)} pages"
            )
            print(
                f"afterwards alone: p95 {after * 1000:.0f} ms; server at rest"
                f" {server.peak / 1e6:.0f} MB"
            )
    print(f"at most {LIMITS}: {len(attacks)} attacks, {len(failed)} beyond it", *failed, sep="\n")
    return 1 if failed else 0


def at_revisions(attacks: list[Attack], path: Path) -> list[Attack]:
    """Insert the ids of the two longest versions into attacks that need them."""
    with closing(open_readonly(path)) as db:
        (one,), (other,) = db.execute(
            "select id from revisions order by length(body) desc, id limit 2"
        )
    one, other = sorted((one, other))
    return [
        replace(attack, path=attack.path.format(one=one, other=other))
        if "{one}" in attack.path or "{other}" in attack.path
        else attack
        for attack in attacks
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
