"""metadata.json: what the archive's tables and columns mean, said once for the site and for slices."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PLACES = (  # at the project's top; a wheel puts it among the environment's shared data
    Path(__file__).parents[1] / "metadata.json",
    Path(sys.prefix) / "share" / "myndighetsarkivet" / "metadata.json",
)


def find_metadata() -> Path:
    """Where it is."""
    return next(path for path in PLACES if path.is_file())


def read_described() -> dict[str, Any]:
    """All of it: title, description, license, source; the tables by name under databases.archive.tables."""
    return dict(json.loads(find_metadata().read_text("utf-8")))
