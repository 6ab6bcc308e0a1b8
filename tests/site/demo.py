"""`make run`: the sample site, a crawl of it, and the archive in the browser, all on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.site.server import Site

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What was asked for on the command line."""

    archive: Path
    port: int
    site_port: int
    pages: Path | None = None
    releases: int | None = None
    serve: bool = True


def run(demo: Demo) -> int:
    """Crawl, then serve until told to stop; the exit code: 0, 1 for a failed crawl, 2 for a taken port."""
    stop_on_sigterm()
    if demo.serve and is_taken(demo.port):
        return complain(f"port {demo.port} is taken; choose another with --port (make run PORT=…)")
    try:
        site = Site(demo.site_port, releases=demo.releases, pages=demo.pages)
        site.start()
    except FileNotFoundError as error:
        return complain(str(error))
    except OSError:
        return complain(f"port {demo.site_port} is taken; choose another with --site-port (make run SITE_PORT=…)")
    try:
        if code := crawl(site, demo.archive):
            sys.stderr.write(f"the crawl failed with exit code {code}: see its lines above\n")
            return 1
        if not demo.serve:
            return 0
        sys.stdout.write(f"\nThe archive: http://127.0.0.1:{demo.port}/\n")
        sys.stdout.write(f"The sample agencies: http://127.0.0.1:{site.port}/\nStop with Ctrl-C.\n")
        sys.stdout.flush()
        return call(serve_command(demo), dict(os.environ))
    except KeyboardInterrupt:
        return 0
    finally:
        site.stop()


def crawl(site: Site, archive: Path) -> int:
    """`scrapy crawl news` over loopback, with its own lines on the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        agencies = site.agencies_file(Path(folder))
        settings = ["-s", f"AGENCIES={agencies}", "-s", f"ARCHIVE={archive.absolute()}"]
        return call([sys.executable, "-m", "scrapy", "crawl", "news", *settings], crawl_environment(site.port))


def crawl_environment(port: int) -> dict[str, str]:
    """The environment of a crawl that cannot leave loopback."""
    return {**os.environ, "SCRAPY_SETTINGS_MODULE": "tests.site.settings", "LOOPBACK_PORT": str(port)}


def serve_command(demo: Demo) -> list[str]:
    """How the archive is served."""
    return [sys.executable, "-m", "archive", "serve", str(demo.archive.absolute()), "--port", str(demo.port)]


def call(command: list[str], environment: dict[str, str]) -> int:
    """Run a command from the project's root to its end; if we are stopped, it is stopped and waited for."""
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise


def is_taken(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def complain(problem: str) -> int:
    """Say in one line what is wrong."""
    sys.stderr.write(f"{problem}\n")
    return 2


def stop_on_sigterm() -> None:
    """Let SIGTERM end us as Ctrl-C does."""
    signal.signal(signal.SIGTERM, interrupt)


def interrupt(signum: int, frame: FrameType | None) -> None:
    """What a signal does."""
    raise KeyboardInterrupt
