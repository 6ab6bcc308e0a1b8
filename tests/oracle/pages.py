"""Records responses of the served archive: each kind of URL, and what pages link to."""

from __future__ import annotations

import http.client
import io
import json
import re
import subprocess
import time
import zipfile
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

from tests.oracle.renames import name_page
from tests.oracle.world import ROOT, SERVED, RecordError, World, ask

MOST = 2400  # addresses
MOST_ALIKE = 5  # URLs found by links that only differ in numbers and values
PATIENCE = 60  # seconds to wait for the server to start
TRIES = 4  # if the server is too busy
HEADERS = (
    *(
        "content-type",
        "location",
        "link",
        "cache-control",
        "vary",
        "content-disposition",
        "content-language",
    ),
    *(
        "content-security-policy",
        "x-robots-tag",
        "retry-after",
        "allow",
        "access-control-allow-origin",
        "referrer-policy",
    ),
)
TEXT = re.compile(r"text/|json|xml|csv|javascript|x-bibtex|ris|markdown|sql")
LINK = re.compile(r'(?:href|src)="([^"]*)"|<loc>([^<]*)</loc>|<link>([^<]*)</link>')
WORDS = (
    *(
        "skog",
        "skogen",
        "minister",
        "rubrik:stöd",
        "ämne:skog från:2018",
        "från:2019 till:2020-06",
        '"att söka"',
    ),
    *(
        "stöd -skola",
        "skog OR skola",
        "utred*",
        "NEAR(stöd skola)",
        "fråga:hur svar:ansökan",
        "finnsinte",
        "",
    ),
    *(
        "myndighet:farledsverket",
        "forest",
        "AND OR",
        '"',
        "' or 1=1 --",
        "<script>alert(1)</script>",
        "å" * 600,
        "*",
    ),
)
PAGES = (
    *(
        "/",
        "/agencies",
        "/about",
        "/help",
        "/search",
        "/-/edits",
        "/-/removed",
        "/-/takedowns",
        "/-/status",
        "/-/coverage",
    ),
    *(
        "/archive",
        "/archive/releases/1",
        "/agency/skogsbruksradet",
        "/-/revision/1",
        "/-/cite/1",
        "/-/history/1",
    ),
    *(
        "/month/2020-05",
        "/month/undated",
        "/agency/skogsbruksradet/2020-05",
        "/-/coverage?agency=skogsbruksradet",
    ),
    *(
        "/-/status/skogsbruksradet",
        "/-/status/hushallsmyndigheten",
        "/-/status/lasframjandenamnden",
        "/tag/1",
    ),
    *("/finns-inte", "/search?q=skog", "/-/diff/1/2"),
    *("/people", "/data", "/-/check", "/-/compare?q=skog&q=skola", "/-/phrase?q=skog", "/-/follow"),
)
FORMATTED = (
    "/search",
    "/-/edits",
    "/-/removed",
    "/-/takedowns",
    "/-/status",
    "/-/coverage",
    "/-/history/1",
    "/-/diff/1/2",
)
SINGLE = (
    *(
        "/robots.txt",
        "/llms.txt",
        "/sitemap.xml",
        "/sitemap-pages.xml",
        "/sitemap-tags.xml",
        "/sitemap-releases-0.xml",
    ),
    *(
        "/sitemap-releases-99.xml",
        "/favicon.ico",
        "/new.atom",
        "/new.json",
        "/new.csv",
        "/-/changes.json",
        "/-/changes.ndjson",
    ),
    *(
        "/-/changes.json?size=3",
        "/-/changes.json?since=0&size=2",
        "/-/changes.json?since=99999-aaaaaaaa",
        "/-/changes.json?since=x",
    ),
    *(
        "/agency/skogsbruksradet.atom",
        "/agency/skogsbruksradet.json",
        "/agency/skogsbruksradet.csv",
        "/agency/finns-inte",
    ),
    *(
        "/tag/1.atom",
        "/tag/1.json",
        "/tag/finns-inte",
        "/month/2020-13",
        "/month/1900-01",
        "/.json",
        "/archive.json",
    ),
    *(f"/-/cite/1.{ending}" for ending in ("txt", "bib", "ris", "csl.json", "csv")),
    *(
        "/-/cite/999999",
        "/-/revision/999999",
        "/-/diff/1/999999",
        "/-/history/999999",
        "/-/evidence/999999.zip",
    ),
    *(
        "/archive/releases/999999",
        "/archive/finns_inte",
        "/archive/finns_inte.json",
        "/archive/releases/1.json",
    ),
    *(
        "/-/metadata.json",
        "/-/versions.json",
        "/-/plugins.json",
        "/-/settings.json",
        "/-/actor.json",
        "/-/config.json",
    ),
    *(
        "/-/databases.json",
        "/-/threads.json",
        "/-/permissions",
        "/-/messages",
        "/-/logout",
        "/-/allow-debug",
    ),
    *("/archive.db", "/captures.db", "/withheld.db", "/static/../archive.db", "/-/static/app.css"),
    *(
        "/-/edits?agency=skogsbruksradet",
        "/-/edits?min=50",
        "/-/edits.json?size=2",
        "/-/edits?after=x",
        "/-/removed?x=1",
    ),
    *(
        "/-/edits.atom?lang=en",
        "/-/removed.atom?lang=en",
        "/search.atom?q=skog&lang=en",
        "/search.json?q=skog&size=3",
    ),
    *(
        "/search?q=skog&agency=skogsbruksradet",
        "/search?q=skog&agency__not=skogsbruksradet",
        "/search?q=skog&order=newest",
    ),
    *(
        "/search?q=skog&show=questions",
        "/search.csv?q=skog&show=questions",
        "/search?q=skog&page=2",
        "/search?q=skog&page=x",
    ),
    *(
        "/search?order=wrong&size=1000",
        "/search.json?year=2020",
        "/search.json?kind=x",
        "/search.json?q=skog&size=0",
    ),
    *(
        "/archive/releases?_search=skog",
        "/archive/releases.json?_search=skog&_sort_desc=published&_shape=array",
    ),
    *("/archive/releases.json?_search=%22", "/archive/questions.csv?_labels=on&_size=max"),
    *(
        "/archive/releases.json?agency=skogsbruksradet&_size=2",
        "/archive/releases?_facet=kind",
        "/archive/releases?_sort=id",
    ),
    *(
        "/openapi.json",
        "/data.json",
        "/people.json",
        "/-/compare.json?q=skog&q=skola&by=month",
        "/-/batch.json?q=skog&q=skola",
    ),
    *("/archive/releases.json?_sort=finns_inte", "/archive/releases.json?_where=id<3&_shape=array"),
)
SQL = (
    *(
        "select agency, substr(published, 1, 7) as month,"
        " count(*) as n from releases group by 1, 2",
        "select 1",
    ),
    *(
        "select count(*) from revisions",
        "select * from finns_inte",
        "delete from releases",
        "pragma table_info(releases)",
    ),
    *(
        "select load_extension('x')",
        "attach 'x' as y",
        "with recursive n(i) as (select 1 union all select i+1 from n) select",
    ),
)
# Of queries; else none
VALUES = {
    "person": "a",
    "named": "a",
    "words": "skog",
    "importance": "0",
    "media_type": "pdf",
}
METHODS = (
    ("POST", "/search"),
    ("PUT", "/"),
    ("DELETE", "/archive/releases/1"),
    ("HEAD", "/"),
    ("OPTIONS", "/search.json"),
)


@dataclass(frozen=True)
class Asked:
    """A request to record."""

    path: str
    method: str = "GET"
    language: str = ""  # of Accept-Language

    def __str__(self) -> str:
        """Return the first line of its file."""
        return (
            f"{self.method} {self.path}"
            f"{f' Accept-Language={self.language}' if self.language else ''}"
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media(self) -> str:
        """Return the content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0]


@dataclass(kw_only=True)
class Visit:
    """The recorded requests, and the URLs that pages link to."""

    world: World
    seen: set[Asked] = field(default_factory=set)
    alike: Counter[str] = field(default_factory=Counter)
    links: deque[str] = field(default_factory=deque)

    def record(self, asked: Asked) -> None:
        """Record a response, unless it was recorded before, and remember its links."""
        if asked in self.seen:
            return
        self.seen.add(asked)
        answer = fetch(self.world.port, asked)
        headers = "".join(
            f"{name}: {answer.headers[name]}\n" for name in HEADERS if name in answer.headers
        )
        told = f"{asked}\n{answer.status}\n{headers}\n{to_text(answer)}"
        self.world.write(name_page(str(asked)), told.rstrip("\n") + "\n")
        if answer.media in ("text/html", "application/xml", "text/xml") and not asked.language:
            self.links.extend(self.find_links(asked.path, answer.body.decode("utf-8", "replace")))

    def find_links(self, page: str, text: str) -> Iterator[str]:
        """Yield the paths of this site that a page links to."""
        home = f"http://127.0.0.1:{self.world.port}"
        for found in LINK.finditer(text):
            parts = urlsplit(urljoin(home + page, unescape(next(filter(None, found.groups()), ""))))
            if f"{parts.scheme}://{parts.netloc}" == home:
                yield parts.path + (f"?{parts.query}" if parts.query else "")

    def follow(self) -> None:
        """Record linked URLs, some of each kind."""
        while self.links and len(self.seen) < MOST:
            path = self.links.popleft()
            if Asked(path) in self.seen or self.alike[kind := to_kind(path)] >= MOST_ALIKE:
                continue
            self.alike[kind] += 1
            self.record(Asked(path))


def to_kind(path: str) -> str:
    """Return a pattern that is the same for URLs that only differ in numbers and values.

    >>> to_kind("/archive/releases/17?_sort=id&lang=en"), to_kind("/archive/releases/18?lang=sv&_sort=url")
    ('/archive/releases/N ?_sort lang', '/archive/releases/N ?_sort lang')
    """
    parts = urlsplit(path)
    keys = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    return f"{re.sub(r'[0-9]+', 'N', parts.path)} ?{' '.join(keys)}"


def fetch(port: int, asked: Asked) -> Answer:
    """Return the response without following redirects; repeat the request while the server is
    busy.
    """
    for turn in range(TRIES):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(
                asked.method, quote(asked.path, safe="/?&=%+:;,@!$'()*~"), headers=to_headers(asked)
            )
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(status=response.status, headers=headers, body=response.read())
        finally:
            connection.close()
        if answer.status != 503:
            break
        time.sleep(turn + 1)
    return answer


def to_headers(asked: Asked) -> dict[str, str]:
    """Return the headers of a request."""
    return {"Accept-Language": asked.language} if asked.language else {}


def to_text(answer: Answer) -> str:
    """Return a body as text: indented JSON, the members of a zip, or the hash of other bytes."""
    if answer.media == "application/zip":
        return "".join(to_members(answer.body))
    if not TEXT.search(answer.media) or answer.media in (
        "text/css",
        "text/javascript",
        "application/javascript",
    ):
        return f"{len(answer.body)} bytes, sha256 {sha256(answer.body).hexdigest()}\n"
    text = answer.body.decode("utf-8", "backslashreplace")
    if answer.media.endswith("json"):
        try:
            return json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"
        except ValueError:
            return text
    return text


def to_members(body: bytes) -> Iterator[str]:
    """Yield the names of the members of a zip, and their content if it is text."""
    with zipfile.ZipFile(io.BytesIO(body)) as held:
        for member in held.infolist():
            content = held.read(member)
            yield f"--- {member.filename} {member.date_time}\n"
            told = member.filename.endswith((".txt", ".json", ".md"))  # else what an agency sent
            yield (
                content.decode("utf-8")
                if told
                else f"{len(content)} bytes, sha256 {sha256(content).hexdigest()}\n"
            )


@contextmanager
def serving(world: World, archive: Path) -> Iterator[None]:
    """Serve an archive on the world's port."""
    words = world.words("python -m archive serve {archive} --port {port}", {"archive": archive})
    with (world.work / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=ROOT, env=world.environment(SERVED), stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + PATIENCE
        while not is_up(world.port):
            if process.poll() is not None or time.monotonic() > end:
                raise RecordError(
                    f"the archive is not"
                    f" served:\n{(world.work / 'serve.log').read_text('utf-8')[-2000:]}"
                )
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def is_up(port: int) -> bool:
    """Return whether the server answers."""
    try:
        return fetch(port, Asked("/robots.txt")).status > 0
    except OSError:
        return False


def record_pages(world: World, archive: Path) -> None:
    """Serve an archive and record its responses."""
    visit = Visit(world=world)
    with serving(world, archive):
        for path in addresses(world, archive):
            visit.record(Asked(world.names.url(path)))
        for path in PAGES:
            for language in ("sv", "en", "de,en;q=0.5"):
                visit.record(Asked(world.names.url(path), language=language))
            visit.record(Asked(world.names.url(f"{path}{'&' if '?' in path else '?'}lang=en")))
        for method, path in METHODS:
            visit.record(Asked(world.names.url(path), method))
        for path in queries(world, archive):
            visit.record(Asked(path))
        visit.follow()


def addresses(world: World, archive: Path) -> Iterator[str]:
    """Yield the URLs that are requested whether they are linked or not, under their old names."""
    yield from PAGES
    yield from SINGLE
    for path in FORMATTED:
        yield from (f"{path}.{ending}" for ending in ("json", "csv", "atom"))
    for words in WORDS:
        yield from (
            f"/search{ending}?q={quote(words)}" for ending in ("", ".json", ".csv", ".atom")
        )
        yield f"/search?q={quote(words)}&lang=en"
    for sql in SQL:
        yield from (
            f"/archive{ending}sql={quote(sql)}" for ending in ("?", ".json?_shape=array&", ".csv?")
        )
    yield from edited(world, archive)
    yield from tables(world, archive)
    yield from numbered(world, archive)


def edited(world: World, archive: Path) -> Iterator[str]:
    """Yield searches in earlier versions, edits, removals and histories of wordings, for words that
    an edit removed or added and for others.
    """
    table, names = world.names.table("revisions"), ("id", "release", "title", "lead", "body")
    columns = [world.names.column("revisions", name) for name in names]
    texts: dict[int, list[set[str]]] = {}
    for _, release, *said in ask(archive, f"select {', '.join(columns)} from {table} order by 1"):
        words = set(re.findall(r"\w+", " ".join(filter(None, said))))
        texts.setdefault(release, []).append(words)
    found = {"skog", "stöd", "minister", '"att söka"', "utred*", "skog OR skola", "finnsinte"}
    for versions in texts.values():
        found.update(sorted(versions[0] - versions[-1])[:3], sorted(versions[-1] - versions[0])[:3])
    for asked in map(quote, sorted(found)):
        yield f"/search?q={asked}&versions=all"
        yield from (f"/search.json?q={field}{asked}" for field in ("", "removed:", "added:"))
        yield from (f"/search.csv?q={asked}&versions=all", f"/search.json?q={asked}&versions=all")
        yield from (f"/-/{page}?q={asked}" for page in ("edits", "edits.json", "removed.json"))
        yield from (f"/-/phrase?q={asked}", f"/-/phrase.json?q={asked}")


def queries(world: World, archive: Path) -> Iterator[str]:
    """Yield every canned query as page, JSON and CSV, with a value for each parameter."""
    names = world.names
    values = VALUES | {
        "tag": ask(
            archive, f"select min({names.column('tags', 'name')}) from {names.table('tags')}"
        )[0][0],
        "url": ask(
            archive, f"select max({names.column('releases', 'url')}) from {names.table('releases')}"
        )[0][0],
    }
    for query in json.loads(fetch(world.port, Asked("/archive.json")).body)["queries"]:
        fields = sorted(set(re.findall(r"(?<!:):([a-z_]+)", query["sql"])))
        given = "&".join(f"{name}={quote(values.get(name, ''), safe='')}" for name in fields)
        yield from (
            f"/archive/{query['name']}{ending}{given}"
            for ending in ("?", ".json?_shape=array&", ".csv?")
        )


def tables(world: World, archive: Path) -> Iterator[str]:
    """Yield the pages of every table and view."""
    found = ask(
        archive, "select name from sqlite_schema where type in ('table', 'view') order by name"
    )
    old = {new: before for before, new in world.names.tables.items()}
    for (name,) in found:
        table = old.get(name, name)
        yield from (
            f"/archive/{table}",
            f"/archive/{table}.json?_size=20",
            f"/archive/{table}.csv?_stream=on",
        )
        yield f"/archive/{table}.json?_shape=objects&_size=3&_labels=on"


def numbered(world: World, archive: Path) -> Iterator[str]:
    """Yield the page of every release, and the pages and evidence of revisions and removals."""

    def keys(table: str) -> list[int]:
        key = world.names.column(table, "id")
        return [
            found
            for (found,) in ask(
                archive, f"select {key} from {world.names.table(table)} order by {key}"
            )
        ]

    for key in keys("releases"):
        yield from (f"/archive/releases/{key}", f"/-/related/{key}.json")
    revisions = keys("revisions")
    for key in [*revisions[:12], *revisions[-12:]]:
        yield from (f"/-/revision/{key}", f"/-/revision/{key}.json")
        yield from (f"/-/cite/{key}", f"/-/evidence/{key}.zip")
    for key in keys("removals"):
        yield f"/-/evidence/removal-{key}.zip"
    release, of = world.names.column("revisions", "release"), world.names.column("revisions", "id")
    pairs = ask(
        archive,
        f"select min({of}), max({of}), {release} from {world.names.table('revisions')}"
        f" group by {release} having count(*) > 1 order by {release}",
    )
    for one, other, key in pairs[:30]:
        yield from (f"/-/diff/{one}/{other}{ending}" for ending in ("", ".json", ".csv", ".atom"))
        yield from (f"/-/history/{key}{ending}" for ending in ("", ".json", ".csv", ".atom"))
