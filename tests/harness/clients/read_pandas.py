"""python tests/harness/clients/read_pandas.py csv|json|parquet|xlsx SOURCE KEY: prints what pandas
reads, as JSON.
"""

from __future__ import annotations

import json
import sys

import pandas


def measure(source: str, key: str) -> dict[str, int]:
    """Return the number of rows, distinct keys and letters of a CSV file or URL."""
    frame = pandas.read_csv(source, dtype=str, keep_default_na=False)
    letters = sum(int(frame[name].str.len().sum()) for name in frame.columns)
    return {"rows": len(frame), "keys": int(frame[key].nunique()), "letters": letters}


def main(how: str, source: str, key: str) -> None:
    """Print what was read."""
    if how == "csv":
        sys.stdout.write(json.dumps(measure(source, key)))
    elif how == "json":
        sys.stdout.write(str(int(pandas.read_json(source)[key].nunique())))
    else:
        sys.stdout.write(str(int(pandas.read_parquet(source)[key].nunique())))


if __name__ == "__main__":
    main(*sys.argv[1:])
