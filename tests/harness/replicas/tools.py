"""Finds the required programs, or explains how to install them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

PLACES = f"{Path(sys.executable).parent}:/usr/sbin:/usr/local/sbin"
HOW = {
    "nginx": "Debian: apt-get install nginx-light",
    "litestream": ".venv/bin/python -m pip install -c constraints.txt -e '.[litestream]'",
}


def find(name: str) -> str:
    """Return the path of a program; exit if it is not installed."""
    path = shutil.which(name) or shutil.which(name, path=PLACES)
    if path is None:
        sys.stderr.write(f"make replicas needs {name} ({HOW[name]})\n")
        sys.exit(2)
    return path
