"""Stored real pages: in the folder that PAGES names, else in ../shared; often there are none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("PAGES") or Path(__file__).parents[2] / "shared")


def stored_rows(part: str) -> list[dict[str, Any]]:
    """Return the agreed results of one part, from its gold.jsonl; none if the file is missing."""
    gold = ROOT / part / "gold.jsonl"
    return [json.loads(line) for line in gold.read_text("utf-8").splitlines()] if gold.exists() else []
