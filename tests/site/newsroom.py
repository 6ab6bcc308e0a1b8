"""Changes that an agency's editors and webmasters make to their site."""

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
        """Return the URL of an agency's path."""
        return f"http://{slug}.localhost:{self.port}{path}"

    def now(self) -> datetime:
        """Return the site's own time."""
        return self.clock.now()

    def edit(
        self, page: str, changes: Mapping[str, Any], *, stamped: bool = False, noted: bool = True
    ) -> Release:
        """Change a release's fields (title, lead, body, questions, tags, answered_by, or any of
        Release's).

        body: a list of paragraphs; questions: a list of [question, paragraph, …]. stamped: whether
        the page tells the new time as its update; else it is a silent edit. noted: whether the
        server tells it, in Last-Modified, feeds and sitemaps.
        """
        agency, path = self.locate(page)
        fields = dict(changes)
        if "body" in fields:
            fields["blocks"] = tuple(("p", text) for text in fields.pop("body"))
        if "questions" in fields:
            asked = fields["questions"]
            fields["questions"] = tuple(
                Answered(question=q, answer=tuple(answer)) for q, *answer in asked
            )
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
        """Change only the markup of a release, as if it were saved again."""
        agency, path = self.locate(page)
        held = agency.releases[path]
        fresh = replace(held, ruffled=held.ruffled + 1, modified=self.now())
        agency.change(path, fresh, self.now())
        return agency.releases[path]

    def withhold(self, page: str) -> Release:
        """Take a release off the site as if it did not exist yet; `publish` publishes it."""
        agency, path = self.locate(page)
        release = agency.releases.pop(path)
        agency.turn(self.now())
        return release

    def publish(self, release: Release) -> str:
        """Publish a release, dated now, and return its URL."""
        agency, fresh = self.agencies[release.agency], self.date_anew(release)
        agency.releases[fresh.path] = fresh
        agency.turn(self.now())
        return self.url(agency.slug, fresh.path)

    def date_anew(self, release: Release) -> Release:
        """Return a release with the dates and URL of a publication now."""
        now, stamp = self.now(), to_stamp(release.stamp.form, self.now(), self.now(), release.tags)
        day = f"{now:%Y-%m-%d}" if stamp.published else ""
        path = self.agencies[release.agency].paths.release(
            to_slug(release.title), day, release.kind
        )
        return replace(release, path=path, created=now, modified=now, stamp=stamp)

    def delete(
        self, page: str, status: int = 410, *, to: str | None = None, words: str = LOST_TITLE
    ) -> Release:
        """Remove a release: its URL responds with the status, or redirects to another path.

        words: the heading of the page there instead; with status 200 it is a soft 404. Return what
        `restore` needs.
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
        """Restore a deleted release at its URL, with its validators."""
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
        """Move a release to another path of its agency, and return its new URL.

        The old one redirects, or is lost, or (keep) goes on answering and names the new one as
        canonical. listed: whether listings, feeds and sitemaps name the new address.
        """
        agency, path = self.locate(page)
        fresh = replace(agency.releases[path], path=new, modified=self.now())
        agency.change(path, fresh, self.now())
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
        """Give an agency's pages the markup of another CMS, or "modern", which has no page
        class.
        """
        if design not in DESIGNS:
            raise ValueError(f"{design} is no design; there are {', '.join(DESIGNS)}")
        self.dress(slug, design=design)

    def relayout(self, slug: str) -> None:
        """Give an agency's pages the next layout of the same system's theme."""
        self.dress(slug, layout=self.agencies[slug].layout + 1)

    def bury(self, slug: str, buried: bool = True) -> None:
        """Show the lead on an agency's pages as an ordinary first paragraph, so that no rule finds
        it.
        """
        self.dress(slug, buried=buried)

    def show_banner(self, slug: str, banner: str) -> None:
        """Show a notice at the top of every page of an agency; "" removes it."""
        self.dress(slug, banner=banner)

    def dress(self, slug: str, **look: object) -> None:
        """Set attributes of a SampleAgency that change the look of all its pages."""
        agency = self.agencies[slug]
        for name, value in (look | {"redesigned": self.now()}).items():
            setattr(agency, name, value)
        agency.turn(self.now())

    def forbid(self, slug: str, paths: tuple[str, ...] = ("/",)) -> None:
        """Make robots.txt forbid these paths besides the usual ones."""
        agency = self.agencies[slug]
        agency.disallow = (*DISALLOWED, *paths)
        agency.turn(self.now())

    def set_delay(self, slug: str, crawl_delay: float | None) -> None:
        """Set the Crawl-delay in an agency's robots.txt."""
        self.agencies[slug].crawl_delay = crawl_delay

    def set_validators(self, slug: str, given: bool) -> None:
        """Set whether an agency's release pages have ETag and Last-Modified."""
        self.agencies[slug].validators = given

    def address(self, page: str) -> tuple[str, str]:
        """Return the host and path of a page given by URL or by slug and path."""
        if "://" in page:
            parts = urlsplit(page)
            return parts.hostname or "", parts.path or "/"
        name, _, path = page.partition("/")
        host = f"{name}.localhost" if name in self.agencies else name
        return host, path if path == "*" else f"/{path}"

    def locate(self, page: str) -> tuple[SampleAgency, str]:
        """Return the agency and the path of a release; raise KeyError if there is none."""
        host, path = self.address(page)
        agency = self.agencies[host.removesuffix(".localhost")]
        if path not in agency.releases:
            raise KeyError(f"{page} is no release")
        return agency, path
