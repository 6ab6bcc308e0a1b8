"""python tests/harness/clients/read_croissant.py FILE RECORD_SET: prints how many records
mlcroissant reads.
"""

from __future__ import annotations

import sys

import mlcroissant


def main(file: str, record_set: str) -> None:
    """Print the number of records."""
    records = mlcroissant.Dataset(jsonld=file).records(record_set)
    sys.stdout.write(str(sum(1 for _ in records)))


if __name__ == "__main__":
    main(*sys.argv[1:])
