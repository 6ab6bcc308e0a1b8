"""Site: the sample website on a loopback port, with its truth and its knobs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import uvicorn

from tests.site.agency import SampleAgency
from tests.site.app import App
from tests.site.compose import SLUGS
from tests.site.furniture import Link
from tests.site.knobs import Break, Clock, Counts
from tests.site.listing import agencies_toml
from tests.site.mount import MountedHost, mount
from tests.site.paths import to_slug
from tests.site.releases import Answered, Release
from tests.site.render import DESIGNS
from tests.site.stamps import to_stamp

KNOBS = ("edit", "delete", "move", "redesign", "break_", "mend", "set_clock", "advance", "clear_counts", "set_delay")


class Site:
    """Four sample agencies and, where a folder is named, its stored pages, served from one loopback port.

    releases: None for the 84 written ones and their English twins, or a number shared by the four agencies,
    made up beyond the written ones. A page is named by its URL, or by slug and path: "farledsverket/en/news/".
    """

    def __init__(
        self,
        port: int = 0,
        releases: int | None = None,
        pages: Path | None = None,
        crawl_delay: float | None = 0.05,
    ) -> None:
        shares = [None] * 4 if releases is None else [len(range(i, releases, 4)) for i in range(4)]
        self.agencies = {
            slug: SampleAgency(slug, share, crawl_delay) for slug, share in zip(SLUGS, shares, strict=True)
        }
        self.mounted: dict[str, MountedHost] = mount(pages) if pages else {}
        self.faults: dict[tuple[str, str], Break] = {}
        self.clock = Clock()
        self.counts = Counts()
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
        """Take the port and serve from a thread; OSError where the port is taken."""
        # with the protocol named, asyncio turns Nagle off; else each small answer waits 40 ms
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind(("127.0.0.1", self.port))
        except OSError:
            self.socket.close()
            raise
        self.port = self.socket.getsockname()[1]
        config = uvicorn.Config(
            App(self),
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
            timeout_graceful_shutdown=1,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), name="site", daemon=True)
        self.thread.start()
        while not self.server.started:
            if not self.thread.is_alive():
                raise RuntimeError("the sample site did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop serving and give the port back."""
        self.stopping = True
        if self.server and self.thread and self.socket:
            self.server.should_exit = True
            self.thread.join(10)
            self.socket.close()

    def url(self, slug: str, path: str = "/") -> str:
        """An address of an agency as a browser opens it."""
        return f"http://{slug}.localhost:{self.port}{path}"

    @property
    def truth(self) -> dict[str, Release]:
        """What each release says, by its address."""
        return {
            self.url(slug, path): r for slug, agency in self.agencies.items() for path, r in agency.releases.items()
        }

    def agencies_toml(self) -> str:
        """A list of agencies for the scraper: the four, and one table for each mounted host."""
        return agencies_toml(self)

    def agencies_file(self, folder: Path) -> Path:
        """The same as a file in a folder."""
        path = folder / "agencies.toml"
        path.write_text(self.agencies_toml(), encoding="utf-8")
        return path

    def now(self) -> datetime:
        """The site's own time."""
        return self.clock.now()

    def edit(self, page: str, changes: Mapping[str, Any], *, stamped: bool = False) -> Release:
        """Change a release's fields (title, lead, body, questions, tags, answered_by, or any of Release's).

        body: a list of paragraphs; questions: a list of [question, paragraph, …]. stamped: whether the page
        tells the new time as its update; else it is a silent edit.
        """
        agency, path = self.locate(page)
        fields = dict(changes)
        if "body" in fields:
            fields["blocks"] = tuple(("p", text) for text in fields.pop("body"))
        if "questions" in fields:
            asked = fields["questions"]
            fields["questions"] = tuple(Answered(question=q, answer=tuple(answer)) for q, *answer in asked)
        if "tags" in fields:
            fields["tags"] = tuple(fields["tags"])
        fresh = replace(agency.releases[path], **fields, modified=self.now())
        if stamped:
            tells = fresh.stamp.updated is not None and fresh.stamp.form != "no_year"
            form = fresh.stamp.form if tells else "both_below"
            fresh = replace(fresh, stamp=to_stamp(form, fresh.created, fresh.modified, fresh.tags))
        agency.change(path, fresh, self.now())
        return agency.releases[path]

    def delete(self, page: str, status: int = 410) -> None:
        """Take a release away; its address answers with the status."""
        agency, path = self.locate(page)
        del agency.releases[path]
        agency.gone[path] = status
        agency.turn(self.now())

    def move(self, page: str, new: str, *, redirect: bool = True) -> str:
        """Move a release to another path of its agency; the old one redirects, or is lost. Its new address."""
        agency, path = self.locate(page)
        agency.change(path, replace(agency.releases[path], path=new), self.now())
        if redirect:
            agency.moved[path] = new
        else:
            agency.gone[path] = 404
        return self.url(agency.slug, new)

    def redesign(self, slug: str, design: str = "modern") -> None:
        """Give an agency's pages other markup: another CMS's, or "modern", which is no CMS we know."""
        if design not in DESIGNS:
            raise ValueError(f"{design} is no design; there are {', '.join(DESIGNS)}")
        agency = self.agencies[slug]
        agency.design, agency.redesigned = design, self.now()
        agency.turn(self.now())

    def break_(self, page: str, **fault: Any) -> None:
        """Break an address (path "*" for a whole host): see Break. A soft 404 is also put into the listing."""
        host, path = self.address(page)
        self.faults[host, path] = Break(**fault)
        agency = self.agencies.get(host.removesuffix(".localhost"))
        if fault.get("soft_404") and agency and path not in agency.releases:
            agency.extra.append(Link(f"Borttagen nyhet {to_slug(path).replace('-', ' ')}", path))
            agency.turn(self.now())

    def mend(self, page: str | None = None) -> None:
        """Take a fault away, or all of them."""
        if page is None:
            self.faults.clear()
        else:
            self.faults.pop(self.address(page), None)

    def set_clock(self, moment: datetime | str) -> None:
        """Stop the clock at a moment."""
        self.clock.set(datetime.fromisoformat(moment) if isinstance(moment, str) else moment)

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self.clock.advance(timedelta(seconds=seconds))

    def clear_counts(self) -> None:
        self.counts.clear()

    def set_delay(self, slug: str, crawl_delay: float | None) -> None:
        """The Crawl-delay an agency asks for in robots.txt."""
        self.agencies[slug].crawl_delay = crawl_delay

    def turn_knob(self, name: str, order: dict[str, Any]) -> str | None:
        """A knob by its name, as POST /-/knobs asks for it."""
        if name not in KNOBS:
            raise ValueError(f"{name} is no knob; there are {', '.join(KNOBS)}")
        told = getattr(self, name)(**order)
        return told.path if isinstance(told, Release) else told

    def find_fault(self, host: str, path: str) -> Break | None:
        """The fault at an address, if any is left; each finding uses one up."""
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

    def address(self, page: str) -> tuple[str, str]:
        """Host and path of a page named by URL or by slug and path."""
        if "://" in page:
            parts = urlsplit(page)
            return parts.hostname or "", parts.path or "/"
        name, _, path = page.partition("/")
        return (f"{name}.localhost" if name in self.agencies else name), path if path == "*" else f"/{path}"

    def locate(self, page: str) -> tuple[SampleAgency, str]:
        """The agency and the path of a release; KeyError where there is none."""
        host, path = self.address(page)
        agency = self.agencies[host.removesuffix(".localhost")]
        if path not in agency.releases:
            raise KeyError(f"{page} is no release")
        return agency, path
