"""python -m tests.browser.install: sees to it that the browser tests find a Chromium.

The system's own is taken; else Debian's is installed (as root), else Playwright's own is downloaded. Where
none of that goes, says so loudly and leaves the tests out; with BROWSER_REQUIRED=1 it fails instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.browser.chromium import find_chromium

APT = ["apt-get", "-y", "-qq", "-o", "Dpkg::Use-Pty=0"]


def main() -> int:
    """0 where a Chromium is there or may be missing, 1 where it must not."""
    if find_chromium() or install():
        return 0
    sys.stderr.write(
        "\n*** NO CHROMIUM: THE BROWSER TESTS ARE LEFT OUT ***\n"
        "Install one (Debian: apt-get install chromium; elsewhere: .venv/bin/playwright install chromium).\n\n"
    )
    return 1 if os.environ.get("BROWSER_REQUIRED") == "1" else 0


def install() -> bool:
    """Debian's package as root, else Playwright's download; whether there is a Chromium now."""
    ways: list[list[str]] = []
    if shutil.which("apt-get") and os.geteuid() == 0:
        ways += [[*APT, "update"], [*APT, "install", "--no-install-recommends", "chromium"]]
    ways.append([sys.executable, "-m", "playwright", "install", "chromium"])
    for command in ways:
        sys.stderr.write(f"{' '.join(command)}\n")
        subprocess.run(command, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        if find_chromium():
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
