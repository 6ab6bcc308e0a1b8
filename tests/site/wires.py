"""Press wires where sample agencies publish too: two with JSON, and two with RSS and pages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.site import feeds
from tests.site.answers import Answer
from tests.site.paths import to_hex, to_slug
from tests.site.releases import NOTE, Release

JSON, RSS = "application/json; charset=utf-8", "application/rss+xml; charset=UTF-8"
HOSTS = {  # of the list, and of the pages
    "viatt": ("via.tt.se", "via.tt.se"),
    "cision": ("publish.ne.cision.com", "news.cision.com"),
    "mynewsdesk": ("www.mynewsdesk.com", "www.mynewsdesk.com"),
    "notified": ("api.client.notified.com", "press.notified.com"),
}
LISTS = {
    "viatt": "/json/v2/releases",
    "cision": "/papi/NewsFeed/{}",
    "mynewsdesk": "/rss/current_news/{}",
    "notified": "/api/rss/publish/view/{}",
}
PAGE_SIZE = 3


class SampleWire:
    """The releases of one publisher at a wire, newest first.

    `base`: the site that files and pictures are on.
    """

    def __init__(self, name: str, releases: list[Release], base: str) -> None:
        self.service, _, self.publisher = name.partition(":")
        self.hosts = HOSTS[self.service]
        self.list_path = LISTS[self.service].format(self.publisher)
        self.base = base
        self.releases = {self.url(release): release for release in releases}

    def url(self, release: Release) -> str:
        """Return the URL of a release's page."""
        number, slug = int(to_hex(release.path, 6), 16), to_slug(release.title)
        path = {
            "viatt": f"pressmeddelande/{number}/{slug}?publisherId={self.publisher}&lang=sv",
            "cision": f"{release.agency}/r/{slug},c{number}",
            "mynewsdesk": f"se/{release.agency}/pressreleases/{slug}-{number}",
            "notified": f"{release.agency}/{number}/{slug}",
        }[self.service]
        return f"https://{self.hosts[1]}/{path}"

    def edit(self, url: str, **changes: Any) -> None:
        """Change a release at the wire."""
        self.releases[url] = replace(self.releases[url], **changes)

    def answer(self, path: str, query: str) -> Answer:
        """Return a page of the list or the page of a release; pages of the JSON services are never
        requested.
        """
        if path == "/robots.txt":
            return Answer(make=lambda: b"User-agent: *\nDisallow: /search\n", media="text/plain")
        if path == self.list_path:
            text = self.write_list({name: values[-1] for name, values in parse_qs(query).items()})
            return Answer(
                make=text.encode, media=RSS if self.service in ("mynewsdesk", "notified") else JSON
            )
        found = [release for url, release in self.releases.items() if urlsplit(url).path == path]
        if found and self.service in ("mynewsdesk", "notified"):
            page = self.write_page(found[0])
            return Answer(make=page.encode, etag=to_hex(page))
        return Answer(
            make=lambda: b"<!doctype html><title>404</title><h1>Not found</h1>", status=404
        )

    def write_list(self, query: dict[str, str]) -> str:
        every = sorted(self.releases.items(), key=lambda pair: pair[1].created, reverse=True)
        if self.service == "viatt":
            page = int(query.get("page", "0"))
            assert query["publisher"] == self.publisher
            shown = every[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
            records = [self.to_viatt(url, release) for url, release in shown]
            found: dict[str, Any] = {"releases": records, "totalCount": len(every)}
            if (page + 1) * PAGE_SIZE < len(every):
                found["nextPage"] = page + 1
            return json.dumps(found, ensure_ascii=False, indent=1)
        if self.service == "cision":
            page = int(query.get("PageIndex", "1"))
            is_detailed = query["DetailLevel"] == "detail"
            shown = every[(page - 1) * PAGE_SIZE : page * PAGE_SIZE] if is_detailed else []
            head = {"PageIndex": page, "PageSize": PAGE_SIZE, "TotalFoundReleases": len(every)}
            return json.dumps({**head, "Releases": [self.to_cision(*each) for each in shown]})
        now = max(release.modified for release in self.releases.values())
        items = [replace(release, path=urlsplit(url).path) for url, release in every]
        return feeds.rss(self.publisher, f"https://{self.hosts[1]}", "/rss", items, now)

    def to_viatt(self, url: str, release: Release) -> dict[str, Any]:
        picture = release.picture
        images = [{"normal": self.base + picture.path, "caption": picture.line}] if picture else []
        documents = [{"url": self.base + one.path, "caption": one.title} for one in release.papers]
        persons = [
            {"name": one.name, "title": one.role, "phone": one.phone, "email": one.email}
            for one in release.contacts
        ]
        return {
            "id": int(to_hex(release.path, 6), 16),
            "title": release.title,
            "url": url,
            "leadtext": f"<p>{escape(release.lead)}</p>",
            "body": self.write_body(release),
            "keywords": list(release.tags),
            "published": release.created.isoformat(timespec="seconds"),
            "publisher": {"id": int(self.publisher), "name": release.agency},
            "images": images,
            "documents": documents,
            "contacts": {"text": None, "persons": [one | {"image": None} for one in persons]},
            "language": release.language,
            "type": "PRESS_RELEASE",
        }

    def to_cision(self, url: str, release: Release) -> dict[str, Any]:
        picture = release.picture
        image = picture and {
            "DownloadUrl": self.base + picture.path,
            "Description": picture.caption,
            "Photographer": picture.credit,
        }
        rows = (
            "\n".join(filter(None, (p.name, p.role, p.phone, p.email))) for p in release.contacts
        )
        return {
            "EncryptedId": to_hex(release.path).upper(),
            "Title": release.title,
            "Intro": release.lead,
            "Body": "\n\n".join(release.body),
            "HtmlBody": self.write_body(release),
            "PublishDate": f"{release.created.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "LastChangeDate": f"{release.modified.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "LanguageCode": release.language,
            "LanguageVersions": [],
            "CisionWireUrl": url,
            "Keywords": list(release.tags),
            "Files": [
                {"Url": self.base + paper.path, "Title": paper.title} for paper in release.papers
            ],
            "Images": [image] if image else [],
            "Quotes": [{"Author": "", "Text": release.body[0]}],
            "Contact": "\n\n".join(rows),
        }

    def write_body(self, release: Release) -> str:
        """Return the text as HTML."""
        parts = []
        for tag, text in release.blocks:
            html = NOTE.sub(
                lambda found: f'<a href="{self.base}/">{found[1]}</a>', escape(text, quote=False)
            )
            if tag == "ul":
                html = "".join(f"<li>{line}</li>" for line in html.split("\n"))
            elif tag == "table":
                rows = (f"<td>{line.replace('|', '</td><td>')}</td>" for line in html.split("\n"))
                html = "".join(f"<tr>{row}</tr>" for row in rows)
            parts.append(f"<{tag}>{html}</{tag}>")
        return "\n".join(parts)

    def write_page(self, release: Release) -> str:
        """Return the page of a release in a press room."""
        title, day = escape(release.title), release.created
        files = "".join(
            f'<li><a href="{self.base}{p.path}">{escape(p.title)}</a></li>' for p in release.papers
        )
        published = f'content="{day.isoformat(timespec="seconds")}"'
        return (
            f'<!doctype html><html lang="{release.language}"><head><meta charset="utf-8">'
            f'<title>{title}</title><meta property="article:published_time" {published}></head>'
            f'<body><header><a href="/">Press</a></header><main><article><h1>{title}</h1>'
            f"<p>Pressmeddelande • {day:%Y-%m-%d %H:%M}</p>"
            f'<p class="lead">{escape(release.lead)}</p>{self.write_body(release)}'
            f"<ul>{files}</ul></article></main>"
            "<footer><p>Pressrummet</p></footer></body></html>\n"
        )
