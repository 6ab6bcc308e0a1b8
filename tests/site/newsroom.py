"""What an agency's editors and webmasters do to their site: the knobs that change what stands there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tests.site.agency import DISALLOWED, LOST_TITLE, SampleAgency
from tests.site.knobs import Clock
from tests.site.paths import to_slug
from tests.site.releases import Answered, Release
from tests.site.render import DESIGNS
from tests.site.stamps import to_stamp


class Newsroom:
    """The agencies of a site, and its clock.

    A page is named by its URL, or by slug and path: "farledsverket/en/news/".
    """

    agencies: dict[str, SampleAgency]
    clock: Clock
    port: int

    def url(self, slug: str, path: str = "/") -> str:
        """An address of an agency as a browser opens it."""
        return f"http://{slug}.localhost:{self.port}{path}"

    def now(self) -> datetime:
        """The site's own time."""
        return self.clock.now()

    def edit(self, page: str, changes: Mapping[str, Any], *, stamped: bool = False, noted: bool = True) -> Release:
        """Change a release's fields (title, lead, body, questions, tags, answered_by, or any of Release's).

        body: a list of paragraphs; questions: a list of [question, paragraph, …]. stamped: whether the page
        tells the new time as its update; else it is a silent edit. noted: whether the server tells it, in
        Last-Modified, feeds and sitemaps.
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
        held = agency.releases[path]
        fresh = replace(held, **fields, modified=self.now() if noted or stamped else held.modified)
        if stamped:
            tells = fresh.stamp.updated is not None and fresh.stamp.form != "no_year"
            form = fresh.stamp.form if tells else "both_below"
            fresh = replace(fresh, stamp=to_stamp(form, fresh.created, fresh.modified, fresh.tags))
        agency.change(path, fresh, self.now())
        return agency.releases[path]

    def ruffle(self, page: str) -> Release:
        """Save a release again without a word changed: only its markup differs."""
        agency, path = self.locate(page)
        held = agency.releases[path]
        agency.change(path, replace(held, ruffled=held.ruffled + 1, modified=self.now()), self.now())
        return agency.releases[path]

    def withhold(self, page: str) -> Release:
        """Take a release off the site as if it were not yet written; `publish` puts it out."""
        agency, path = self.locate(page)
        release = agency.releases.pop(path)
        agency.turn(self.now())
        return release

    def publish(self, release: Release) -> str:
        """Put a release out, dated now. Its address."""
        agency, fresh = self.agencies[release.agency], self.date_anew(release)
        agency.releases[fresh.path] = fresh
        agency.turn(self.now())
        return self.url(agency.slug, fresh.path)

    def date_anew(self, release: Release) -> Release:
        """The same release as if it were published now: its dates and its address tell so."""
        now, stamp = self.now(), to_stamp(release.stamp.form, self.now(), self.now(), release.tags)
        day = f"{now:%Y-%m-%d}" if stamp.published else ""
        path = self.agencies[release.agency].paths.release(to_slug(release.title), day, release.kind)
        return replace(release, path=path, created=now, modified=now, stamp=stamp)

    def delete(self, page: str, status: int = 410, *, to: str | None = None, words: str = LOST_TITLE) -> Release:
        """Take a release away: its address answers with the status, or leads to another path.

        words: the heading of what stands there instead; with status 200 it is a soft 404. What `restore` needs.
        """
        agency, path = self.locate(page)
        release = agency.releases.pop(path)
        if to is None:
            agency.gone[path] = (status, words)
        else:
            agency.moved[path] = (to, status if 300 <= status < 400 else 302)
        agency.turn(self.now())
        return release

    def restore(self, release: Release) -> str:
        """Put a deleted release back where it stood, validators and all."""
        agency = self.agencies[release.agency]
        agency.gone.pop(release.path, None)
        agency.moved.pop(release.path, None)
        agency.releases[release.path] = release
        agency.turn(self.now())
        return self.url(agency.slug, release.path)

    def move(
        self,
        page: str,
        new: str,
        *,
        redirect: bool = True,
        status: int = 301,
        keep: bool = False,
        listed: bool = True,
    ) -> str:
        """Move a release to another path of its agency. Its new address.

        The old one redirects, or is lost, or (keep) goes on answering and names the new one as canonical.
        listed: whether listings, feeds and sitemaps name the new address.
        """
        agency, path = self.locate(page)
        agency.change(path, replace(agency.releases[path], path=new, modified=self.now()), self.now())
        agency.gone.pop(new, None)
        agency.moved.pop(new, None)
        if keep:
            agency.aliases[path] = new
        elif redirect:
            agency.moved[path] = (new, status)
        else:
            agency.gone[path] = (404, LOST_TITLE)
        if not listed:
            agency.unlisted.add(new)
        return self.url(agency.slug, new)

    def redesign(self, slug: str, design: str = "modern") -> None:
        """Give an agency's pages other markup: another CMS's, or "modern", which is no CMS we know."""
        if design not in DESIGNS:
            raise ValueError(f"{design} is no design; there are {', '.join(DESIGNS)}")
        agency = self.agencies[slug]
        agency.design, agency.redesigned = design, self.now()
        agency.turn(self.now())

    def relayout(self, slug: str) -> None:
        """Give an agency's pages the next layout of the same system's theme."""
        agency = self.agencies[slug]
        agency.layout, agency.redesigned = agency.layout + 1, self.now()
        agency.turn(self.now())

    def bury(self, slug: str, buried: bool = True) -> None:
        """Let an agency's pages print the lead as the first of the paragraphs, so that no rule knows it."""
        agency = self.agencies[slug]
        agency.buried, agency.redesigned = buried, self.now()
        agency.turn(self.now())

    def forbid(self, slug: str, paths: tuple[str, ...] = ("/",)) -> None:
        """Let robots.txt forbid these paths too; none lets in again."""
        agency = self.agencies[slug]
        agency.disallow = (*DISALLOWED, *paths)
        agency.turn(self.now())

    def set_delay(self, slug: str, crawl_delay: float | None) -> None:
        """The Crawl-delay an agency asks for in robots.txt."""
        self.agencies[slug].crawl_delay = crawl_delay

    def set_validators(self, slug: str, given: bool) -> None:
        """Whether an agency's release pages carry ETag and Last-Modified."""
        self.agencies[slug].validators = given

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
