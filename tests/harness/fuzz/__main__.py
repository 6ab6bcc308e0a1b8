"""`python -m tests.harness.fuzz [N] [--seed S]`: N mutated inputs (100,000 by default); exits with
1 on findings.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.harness.fuzz.run import merge, plan, run_piece, to_table
from tests.harness.fuzz.seeds import find_seeds
from tests.harness.world.tables import print_tables


def main() -> int:
    """Run, and print the table and every finding."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.fuzz", description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seeds, pieces, done = find_seeds(), plan(options.number, options.seed), []
    spawn = multiprocessing.get_context("spawn")  # the site's thread must not be forked
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:
        running = [
            pool.submit(run_piece, target, seeds[target], *piece) for target, *piece in pieces
        ]
        for count, piece in enumerate(as_completed(running), 1):
            done.append(piece.result())
            print(f"\r{count} of {len(pieces)} pieces", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found = merge(done)
    findings = [finding for told in found.values() for finding in told.findings]
    damaged = f"{sum(map(len, seeds.values()))} pages and sources to damage"
    told = f"seed {options.seed}, {damaged}, findings: {len(findings)}"
    print_tables(to_table(found), misses=[told, *findings], width=110)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
