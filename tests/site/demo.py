"""`make run`: the sample site, a crawl of it, and the archive in the browser, all on loopback."""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from archive.operations.serving import is_port_free
from tests.site.server import Site
from tests.site.story import tell

ROOT = Path(__file__).parents[2]


def run(demo: argparse.Namespace) -> int:
    """Crawl, then serve until stopped (options: `python -m tests.site demo --help`).

    Return 0, 1 if a crawl failed, or 2 if the archive cannot be served.
    """
    stop_on_sigterm()
    serves = not demo.no_serve
    if serves and demo.archive.name != "archive.db":
        rule = "the file must be called archive.db to be served; it may lie in any folder"
        return complain(f"{demo.archive}: {rule}")
    if serves and not is_port_free("127.0.0.1", demo.port):
        return complain(f"port {demo.port} is taken; choose another with --port (make run PORT=…)")
    try:
        site = Site(demo.site_port, releases=demo.releases, pages=demo.pages)
        site.start()
    except FileNotFoundError as error:
        return complain(str(error))
    except OSError:
        hint = "choose another with --site-port (make run SITE_PORT=…)"
        return complain(f"port {demo.site_port} is taken; {hint}")
    try:
        if code := crawl(site, demo.archive.absolute()):
            sys.stderr.write(f"the crawl failed with exit code {code}: see its lines above\n")
            return 1
        if not serves:
            return 0
        sys.stdout.write(f"\nThe archive: http://127.0.0.1:{demo.port}/\n")
        sys.stdout.write(f"The sample agencies: http://127.0.0.1:{site.port}/\nStop with Ctrl-C.\n")
        sys.stdout.flush()
        served = (str(demo.archive.absolute()), "--port", str(demo.port))
        return call([sys.executable, "-m", "archive", "serve", *served], dict(os.environ))
    except KeyboardInterrupt:
        return 0
    finally:
        site.stop()


def crawl(site: Site, archive: Path) -> int:
    """Crawl the site, edit it, and crawl it again, so that the archive has edits.

    An archive that holds the samples already has seen that: then there is nothing new to find.
    """
    with tempfile.TemporaryDirectory() as folder:
        agencies = site.agencies_file(Path(folder), attachments=None)
        known = holds(archive, list(site.agencies))
        if known:
            tell(site)
        if code := scrapy("news", agencies, archive, site.port):
            return code
        if known:
            return scrapy("audit", agencies, archive, site.port)
        tell(site)
        with closing(sqlite3.connect(archive)) as db, db:
            for slug in site.agencies:
                db.execute("update releases set next_check = null where agency = ?", [slug])
            # attached files are else fetched once a day
            db.execute("update frontier set fetched = '2014-01-01' where role = 'attachment'")
        code = scrapy("revisit", agencies, archive, site.port)
        return code or scrapy("audit", agencies, archive, site.port)


def scrapy(spider: str, agencies: Path, archive: Path, port: int) -> int:
    """Run a crawl over loopback, with its log on the terminal."""
    settings = ["-s", f"AGENCIES={agencies}", "-s", f"ARCHIVE={archive}"]
    loopback = {"SCRAPY_SETTINGS_MODULE": "tests.site.settings", "LOOPBACK_PORT": str(port)}
    command = [sys.executable, "-m", "scrapy", "crawl", spider, *settings]
    return call(command, {**os.environ, **loopback})


def holds(archive: Path, slugs: list[str]) -> bool:
    """Return whether an archive has releases of the sample agencies."""
    if not archive.is_file():
        return False
    try:
        with closing(sqlite3.connect(archive)) as db:
            sql = f"select 1 from releases where agency in ({', '.join('?' * len(slugs))})"
            return db.execute(f"{sql} limit 1", slugs).fetchone() is not None
    except sqlite3.Error:  # the crawl reports what is wrong
        return False


def call(command: list[str], environment: dict[str, str]) -> int:
    """Run a command in the project's root to its end.

    If this process is stopped, the command is stopped first.
    """
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise


def complain(problem: str) -> int:
    """Print an error in one line."""
    sys.stderr.write(f"{problem}\n")
    return 2


def stop_on_sigterm() -> None:
    """Handle SIGTERM like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
