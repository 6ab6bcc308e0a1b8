"""python -m tests.archive.with_pandas FOLDER: pandas reads the same from a dataset's Parquet as from its CSV."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas

from archive.datasets.tables import DATASET_TABLES, JSON_LIST, TEXT


def compare(folder: Path) -> None:
    """Table by table; AssertionError where they differ."""
    for table in DATASET_TABLES:
        parquet = pandas.read_parquet(folder / f"data/{table.name}.parquet")
        sheet = pandas.read_csv(folder / f"data/{table.name}.csv", keep_default_na=False, na_values=[""], dtype=str)
        assert list(parquet.columns) == list(sheet.columns) == [column.name for column in table.columns]
        assert len(parquet) == len(sheet)
        for column in table.columns:
            if column.kind in (TEXT, JSON_LIST) and column.name not in ("body", "body_html"):  # these may be ""
                told = parquet[column.name].dropna().tolist()
                assert told == sheet[column.name].dropna().tolist(), column.name
        assert not parquet.duplicated(list(table.key)).any()
        sys.stdout.write(f"{table.name}: {len(parquet)}\n")


def look_at_times(folder: Path) -> None:
    """Moments are moments, and where only a day is told there is none."""
    releases = pandas.read_parquet(folder / "data/releases.parquet").set_index("title")
    one = releases.loc["Så mår sångarna"]
    assert str(one["published_at"]) == "2024-05-28 07:30:00+00:00"
    assert (str(one["updated_day"]), one["updated_precision"], one["updated_at"]) == ("2024-05-30", "day", pandas.NaT)


if __name__ == "__main__":
    compare(Path(sys.argv[1]))
    look_at_times(Path(sys.argv[1]))
