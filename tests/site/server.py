"""Site: the sample website on a loopback port, with its releases and controls."""

from __future__ import annotations

import socket
import threading
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import uvicorn

from tests.site.agency import SampleAgency
from tests.site.app import App
from tests.site.compose import SLUGS
from tests.site.furniture import Link
from tests.site.knobs import Asked, Break, Clock, Counts
from tests.site.listing import agencies_toml
from tests.site.mount import MountedHost, mount
from tests.site.newsroom import Newsroom
from tests.site.paths import to_slug
from tests.site.plain import make_plain_hosts
from tests.site.releases import Release
from tests.site.wires import SampleWire

KNOBS = (
    *("edit", "delete", "move", "ruffle", "redesign", "relayout", "bury", "forbid", "set_delay"),
    *("set_validators", "break_", "mend", "set_clock", "advance", "clear_counts"),
)


class Site(Newsroom):
    """Four sample agencies and, where a folder is named, its stored pages, served from one loopback
    port.

    releases: None for the 84 written ones and their English twins, or a number shared by the four
    agencies, made up beyond the written ones. weight: about how many bytes a release's page has.
    """

    def __init__(
        self,
        port: int = 0,
        releases: int | None = None,
        pages: Path | None = None,
        crawl_delay: float | None = 0.05,
        weight: int | None = None,
    ) -> None:
        shares = [None] * 4 if releases is None else [len(range(i, releases, 4)) for i in range(4)]
        self.agencies = {
            slug: SampleAgency(slug, share, crawl_delay)
            for slug, share in zip(SLUGS, shares, strict=True)
        }
        for agency in self.agencies.values():
            agency.weight = weight
        self.wires: dict[str, SampleWire] = {}  # by host
        self.web_archives: dict[str, Any] = {}  # by host: a WebArchive, or what answers like it
        self.mounted: dict[str, MountedHost] = mount(pages) if pages else {}
        self.plain = make_plain_hosts()
        self.faults: dict[tuple[str, str], Break] = {}
        self.clock = Clock()
        self.counts = Counts()
        self.log: list[Asked] | None = None  # every request, if it is a list
        self.stopping = False
        self.port = port
        self.socket: socket.socket | None = None
        self.thread: threading.Thread | None = None
        self.server: uvicorn.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Bind the port and serve in a thread; raise OSError if the port is in use."""
        # with a named protocol, asyncio disables Nagle's algorithm, which delays small responses by
        # 40 ms
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind(("127.0.0.1", self.port))
        except OSError:
            self.socket.close()
            raise
        self.port = self.socket.getsockname()[1]
        quiet: dict[str, Any] = {"log_level": "critical", "access_log": False}
        plain: dict[str, Any] = {"lifespan": "off", "ws": "none", "http": "h11", "loop": "asyncio"}
        config = uvicorn.Config(App(self), timeout_graceful_shutdown=1, **quiet, **plain)
        self.server = uvicorn.Server(config)
        run = partial(self.server.run, [self.socket])
        self.thread = threading.Thread(target=run, name="site", daemon=True)
        self.thread.start()
        while not self.server.started:
            if not self.thread.is_alive():
                raise RuntimeError("the sample site did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop serving and release the port."""
        self.stopping = True
        if self.server and self.thread and self.socket:
            self.server.should_exit = True
            self.thread.join(10)
            self.socket.close()

    @property
    def truth(self) -> dict[str, Release]:
        """Return every release by its URL."""
        return {
            self.url(slug, path): r
            for slug, agency in self.agencies.items()
            for path, r in agency.releases.items()
        }

    def agencies_toml(self) -> str:
        """Return a list of agencies for the scraper: the four, and a table for each mounted
        host.
        """
        return agencies_toml(self)

    def agencies_file(self, folder: Path, attachments: str | None = "none") -> Path:
        """Write the list of agencies to a file in a folder, and return its path.

        attachments: whether their files are fetched and read, which takes a process per file; None
        for the default.
        """
        path = folder / "agencies.toml"
        path.write_text(agencies_toml(self, attachments), encoding="utf-8")
        return path

    def add_wire(self, name: str, releases: list[Release]) -> SampleWire:
        """Serve releases at a press wire too, named as in agencies.toml, on its real host names."""
        wire = SampleWire(name, releases, f"http://{releases[0].agency}.localhost:{self.port}")
        self.wires |= dict.fromkeys(wire.hosts, wire)
        return wire

    def break_(self, page: str, **fault: Any) -> None:
        """Break a URL ("slug/*" for a whole host): see Break.

        A soft 404 is also added to the listing.
        """
        host, path = self.address(page)
        self.faults[host, path] = Break(**fault)
        agency = self.agencies.get(host.removesuffix(".localhost"))
        if fault.get("soft_404") and agency and path not in agency.releases:
            agency.extra.append(Link(f"Borttagen nyhet {to_slug(path).replace('-', ' ')}", path))
            agency.turn(self.now())

    def mend(self, page: str | None = None) -> None:
        """Remove a fault, or all of them."""
        if page is None:
            self.faults.clear()
        else:
            self.faults.pop(self.address(page), None)

    def set_clock(self, moment: datetime | str) -> None:
        """Stop the clock at a moment."""
        self.clock.set(datetime.fromisoformat(moment) if isinstance(moment, str) else moment)

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.clock.advance(timedelta(seconds=seconds))

    def clear_counts(self) -> None:
        self.counts.clear()

    def turn_knob(self, name: str, order: dict[str, Any]) -> str | None:
        """Call a control by its name, for POST /-/knobs."""
        if name not in KNOBS:
            raise ValueError(f"{name} is no knob; there are {', '.join(KNOBS)}")
        told = getattr(self, name)(**order)
        return told.path if isinstance(told, Release) else told

    def find_fault(self, host: str, path: str) -> Break | None:
        """Return the fault at a path, or None, and count it as used once."""
        for key in ((host, path), (host, "*")):
            fault = self.faults.get(key)
            if fault is None:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self.faults[key]
            return fault
        return None
