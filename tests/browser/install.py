"""Find a Chromium for the browser tests; python -m tests.browser.install installs one where there
is none.

The system's Chromium is used. If there is none, Debian's is installed (as root), else Playwright's
is downloaded. If that fails too, the tests are skipped; with BROWSER_REQUIRED=1 the command fails
instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APT = ["apt-get", "-y", "-qq", "-o", "Dpkg::Use-Pty=0"]


def find_chromium() -> str | None:
    """Return the path of the system's Chromium, else of Playwright's, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if path and Path(path).exists() else None


def main() -> int:
    """Return 1 if there is no Chromium although it is required, else 0."""
    if find_chromium() or install():
        return 0
    sys.stderr.write(
        "\n*** NO CHROMIUM: THE BROWSER TESTS ARE SKIPPED ***\nInstall one (Debian: apt-get install"
        " chromium; elsewhere: .venv/bin/playwright install chromium).\n\n"
    )
    return 1 if os.environ.get("BROWSER_REQUIRED") == "1" else 0


def install() -> bool:
    """Install Debian's package as root, else Playwright's download; return whether there is a
    Chromium now.
    """
    commands: list[list[str]] = []
    if shutil.which("apt-get") and os.geteuid() == 0:
        commands += [[*APT, "update"], [*APT, "install", "--no-install-recommends", "chromium"]]
    commands.append([sys.executable, "-m", "playwright", "install", "chromium"])
    for command in commands:
        sys.stderr.write(f"{' '.join(command)}\n")
        subprocess.run(
            command, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )
        if find_chromium():
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
