"""The stored real pages that tests read: a folder named with PAGES, else ../shared; often there is none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("PAGES") or Path(__file__).parents[2] / "shared")


def stored_rows(part: str) -> list[dict[str, Any]]:
    """What is agreed on the pages of one part, a line of its gold.jsonl each; none where it is not here."""
    gold = ROOT / part / "gold.jsonl"
    return [json.loads(line) for line in gold.read_text("utf-8").splitlines()] if gold.exists() else []
