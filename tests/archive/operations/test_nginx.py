"""Tests both documented configurations of nginx: they agree with each other and the archive, and
with TLS a response never contains another reader's request.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive.i18n import choose_language
from tests.archive.sample import fill
from tests.harness.replicas.proxy import CONF, run_nginx, write, write_whole
from tests.harness.world.processes import (
    ROOT,
    archive_command,
    find_port,
    free_ports,
    run_command,
    serve,
)

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
OPENSSL = shutil.which("openssl")

HOST = "arkiv.example"
CACHED = CONF.read_text("utf-8")
GUIDE = (ROOT / "docs" / "security.md").read_text("utf-8")
UNCACHED = "".join(re.findall(r"^```nginx\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))
DOCUMENTED = {"nginx.conf": CACHED, "security.md": UNCACHED}
FORGED = {
    "X-Forwarded-Proto": "http",
    "X-Forwarded-For": "203.0.113.6",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "Forwarded": "for=203.0.113.6;proto=http;host=evil.example",
    "Cookie": "ds_actor=evil.example",
    "Authorization": "Bearer evil.example",
}


# What the files say


@pytest.mark.parametrize(
    "accepted",
    [
        *("", "sv", "en", "de", "*", "fr,nb", "en-GB,en;q=0.9"),
        *("sv-SE,sv;q=0.8,en;q=0.5", "de, en-GB;q=0.8, sv;q=0.5"),
    ],
)
def test_the_proxy_chooses_the_language_that_the_archive_would(accepted: str) -> None:
    (pattern,) = re.findall(r'"~\*(.+)" en;', CACHED)
    language = "en" if re.search(pattern, accepted, re.IGNORECASE) else "sv"
    assert language == choose_language(None, accepted)


@pytest.mark.parametrize(
    ("location", "rules", "following"),
    [
        (
            r"location ~ \.xlsx$",
            ("proxy_cache off;", "proxy_next_upstream error;", "proxy_read_timeout 3600s;"),
            "location ~ ^/archive",
        ),
        (
            r"location ~ ^/archive(\.|/[^/]*$|$)",
            ("proxy_cache off;",),
            r"location ~ \.(atom|json|csv)$",
        ),
    ],
)
def test_data_is_not_kept_nor_made_twice(
    location: str, rules: tuple[str, ...], following: str
) -> None:
    start = CACHED.index(location)
    assert start < CACHED.index(following), "the first pattern that fits is taken"
    block = CACHED[start : CACHED.index("}", start)]
    assert [rule for rule in rules if f"{rule}\n" not in block] == []


def test_the_documented_proxy_without_a_cache_has_the_same_rules() -> None:
    cached, uncached = (
        set(re.findall(r"^    location (.+) \{$", text, re.MULTILINE)) for text in (CACHED, GUIDE)
    )
    assert cached - uncached == {r"~ \.(atom|json|csv)$", "/-/evidence/"}, "which are of the cache"
    assert uncached <= cached
    shared = "limit_|client_|log_format|access_log|error_log|map|listen|ssl_"
    rules = re.findall(rf"^ *((?:{shared}).+)", CACHED, re.MULTILINE)
    assert [rule for rule in rules if rule not in GUIDE and "accept_language" not in rule] == []


def test_what_make_replicas_tries_is_this_file(tmp_path: Path) -> None:
    text = write(tmp_path, 1, (2, 3), 4).read_text("utf-8")
    assert [f"127.0.0.1:{port}" in text for port in (1, 2, 3, 4)] == [True] * 4
    assert not re.search(r"^(?!#).*(ssl|limit_|/var/|/etc/)", text, re.MULTILINE)


# What nginx does with them


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running nginx. plain_port: without TLS."""

    port: int
    plain_port: int

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        name: str = HOST,
        plain: bool = False,
        **options: Any,
    ) -> httpx.Response:
        """Send a request of a reader who trusts any certificate, GET or one with `content`.

        name: the host name sent with TLS. plain: without TLS.
        """
        sent = {"Host": HOST, "Accept-Encoding": "identity"} | dict(headers or {})
        base = f"http://127.0.0.1:{self.plain_port}" if plain else f"https://127.0.0.1:{self.port}"
        method = "POST" if "content" in options else "GET"
        with httpx.Client(base_url=base, verify=False, trust_env=False, timeout=30) as client:  # noqa: S501 - our own certificate
            extensions = {"sni_hostname": name}
            return client.request(method, path, headers=sent, extensions=extensions, **options)


class Echo(BaseHTTPRequestHandler):
    """Responds with the request's headers; under /broken with a truncated response, under /slow
    after some time.

    A body is read.
    """

    protocol_version = "HTTP/1.1"
    slow_requests = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        if "slow" in self.path:
            Echo.slow_requests += 1
            time.sleep(0.9)
        self.send_response(200)
        if "broken" in self.path:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nid\r\n1\r\n")
            self.close_connection = True
            return
        lines = (f"{name}: {value}\n" for name, value in sorted(self.headers.items()))
        body = "".join(lines).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError):  # the proxy did not wait any longer
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path, port = fill(tmp_path_factory.mktemp("proxied") / "archive.db"), find_port()
    with serve(archive_command("serve", path, "--port", port), port):
        yield port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a certificate and its key."""
    if not (NGINX and OPENSSL):
        pytest.skip("there is no nginx, or no openssl")
    folder = tmp_path_factory.mktemp("certificate")
    words = "req -x509 -nodes -days 1 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
    files = ("-keyout", folder / f"{HOST}.key", "-out", folder / f"{HOST}.pem")
    run_command(OPENSSL, *words.split(), "-subj", f"/CN={HOST}", *files)
    return folder


@contextmanager
def proxying(folder: Path, certificate: Path, text: str, server: int) -> Iterator[Proxy]:
    """Run nginx with a documented configuration, except for ports, folders, servers and times to
    wait.
    """
    port, plain_port = free_ports(2)
    for before, after in (
        (r"listen 443\b", f"listen 127.0.0.1:{port}"),
        (r"listen 80\b", f"listen 127.0.0.1:{plain_port}"),
        (r"127\.0\.0\.1:8\d\d\d\b", f"127.0.0.1:{server}"),
        (r"/etc/ssl/\w+/", f"{certificate}/"),
        (r"rate=1r/s", "rate=100r/s"),  # slower requests would be delayed
    ):
        assert re.search(before, text), before
        text = re.sub(before, after, text)
    text = re.sub("/var/(cache|log)/nginx/", f"{folder}/", text)
    with run_nginx(str(NGINX), write_whole(folder, text), port):
        yield Proxy(port, plain_port)


@pytest.fixture(scope="module", params=DOCUMENTED)
def document(request: pytest.FixtureRequest) -> str:
    return DOCUMENTED[request.param]


@pytest.fixture(scope="module")
def echoed(
    document: str, tmp_path_factory: pytest.TempPathFactory, certificate: Path, echo: int
) -> Iterator[Proxy]:
    with proxying(tmp_path_factory.mktemp("echoed"), certificate, document, echo) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def proxied(
    document: str, tmp_path_factory: pytest.TempPathFactory, certificate: Path, site: int
) -> Iterator[Proxy]:
    with proxying(tmp_path_factory.mktemp("proxied"), certificate, document, site) as proxy:
        yield proxy


@pytest.mark.parametrize(
    "path", ["/search?q=fyr", "/archive/releases", "/-/evidence/1.zip", "/new.atom"]
)
def test_what_a_reader_forges_does_not_reach_the_archive(echoed: Proxy, path: str) -> None:
    told = echoed.ask(path, FORGED).text
    assert "evil.example" not in told
    assert "203.0.113.6" not in told
    for line in (f"Host: {HOST}", "X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1"):
        assert f"{line}\n" in told
    assert told.count("X-Forwarded") == 2


@pytest.mark.parametrize("path", ["/archive/broken.csv", "/search.csv?broken"])
def test_an_answer_that_breaks_off_is_seen_to_have_done_so(echoed: Proxy, path: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        echoed.ask(path)


@pytest.mark.slow("a real nginx before a server")
def test_an_excel_file_is_waited_for_and_made_once(
    tmp_path: Path, certificate: Path, echo: int, document: str
) -> None:
    text = re.sub(r" *proxy_read_timeout 60s;\n", "", document)
    version = "proxy_http_version 1.1;"
    text = text.replace(version, f"{version}\n    proxy_read_timeout 400ms;")
    with proxying(tmp_path, certificate, text, echo) as proxy:
        for path in ("/archive/slow.xlsx", "/search.xlsx?slow"):
            Echo.slow_requests = 0
            assert proxy.ask(path).status_code == 200, path
            assert Echo.slow_requests == 1, path
        assert proxy.ask("/slow").status_code == 504


# readers with addresses of their own, which nginx takes from a header
CLIENTS = "set_real_ip_from 127.0.0.1;\nreal_ip_header X-Client;\n"


def test_limits_count_networks_and_logs_have_no_reader(
    tmp_path: Path, certificate: Path, echo: int, document: str
) -> None:
    text = document.replace("rate=10r/s", "rate=1r/m").replace("burst=40", "burst=4")
    with proxying(tmp_path, certificate, CLIENTS + text, echo) as proxy:

        def ask_as(client: str, path: str) -> int:
            return proxy.ask(path, {"X-Client": client}).status_code

        for clients in (
            [f"2001:db8:1:2:{n}::{n}" for n in range(8)],
            ["203.0.113.9"] * 8,
            ["203.0.113.11", "::ffff:203.0.113.11"] * 4,
        ):
            statuses = [ask_as(client, f"/about?n={n}") for n, client in enumerate(clients)]
            assert statuses == [200] * 5 + [429] * 3, clients
        for client in ("2001:db8:1:3::1", "2001:db8:2:2::1", "203.0.113.10", "::ffff:203.0.113.12"):
            assert ask_as(client, "/search?q=hemlig") == 200
        assert ask_as("203.0.113.20", "/-/follow/subscription?token=hemlig") == 200
        assert proxy.ask("/search?q=hemlig", plain=True).status_code == 301
    logged = {path.name: path.read_text("utf-8") for path in tmp_path.glob("*.log")}
    assert re.search(r"GET /search 200 200", logged["archive.log"])
    assert "GET /about 429" in logged["archive.log"]
    for name, lines in logged.items():
        for secret in ("hemlig", "?", "2001:db8", "203.0.113", "127.0.0.1"):
            assert secret not in lines, name


@pytest.mark.parametrize(
    ("path", "size"),
    [
        *((f"/-/{name}", 150_000) for name in ("mcp", "check", "check.json", "batch", "batch.csv")),
        *(("/-/follow", 7_000), ("/-/follow/subscription", 7_000)),
    ],
)
def test_bodies_arrive_whole_and_with_their_type(echoed: Proxy, path: str, size: int) -> None:
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    response = echoed.ask(path, headers, content=b"x" * size)
    assert response.status_code == 200
    for name, value in (headers | {"Content-Length": str(size)}).items():
        assert f"{name}: {value}\n".lower() in response.text.lower()


def test_no_other_body_arrives(echoed: Proxy) -> None:
    assert echoed.ask("/search", content=b"x" * 2_000).status_code == 413


@pytest.mark.slow("a real nginx before a server")
def test_metrics_are_not_for_readers(echoed: Proxy) -> None:
    assert echoed.ask("/metrics").status_code == 404
    assert echoed.ask("/-/status").status_code == 200


@pytest.mark.slow("a real nginx before a server")
def test_language_models_reach_the_archive(proxied: Proxy) -> None:
    pytest.importorskip("mcp")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"padding": "x" * 3_000}}
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    response = proxied.ask("/-/mcp", headers, content=json.dumps(call))
    assert response.status_code == 200, response.text
    assert response.json()["result"]["tools"]


@pytest.mark.slow("a real nginx before a server")
@pytest.mark.parametrize("forged", [FORGED, {"X-Forwarded-Proto": "javascript"}])
@pytest.mark.parametrize("path", ["/new.atom", "/-/edits.json", "/archive/releases.json?_size=1"])
def test_links_are_https_whatever_a_reader_says(
    proxied: Proxy, path: str, forged: dict[str, str]
) -> None:
    response = proxied.ask(path, forged)
    assert response.status_code == 200, response.text
    links = re.findall(rf"(\w+)://({HOST}|evil\.example)", response.text)
    assert {*links} == {("https", HOST)}


@pytest.mark.slow("a real nginx before a server")
def test_no_other_name_and_no_connection_without_tls(proxied: Proxy) -> None:
    other = {"Host": "evil.example"}
    with pytest.raises(httpx.ConnectError, match="SSL"):
        proxied.ask("/", name="evil.example")
    assert proxied.ask("/", other).status_code == 421
    response = proxied.ask("/about?lang=en", other, plain=True)
    assert response.status_code == 301
    assert response.headers["Location"] == f"https://{HOST}/about?lang=en"


@pytest.mark.slow("a real nginx before a server")
@pytest.mark.parametrize(
    "path",
    [
        *("/about", "/search.json?size=50", "/archive/releases.json?_shape=array"),
        *("/archive/releases.csv", "/static/style.css"),
    ],
)
def test_long_answers_are_compressed(proxied: Proxy, path: str) -> None:
    plain, packed = proxied.ask(path), proxied.ask(path, {"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in ", ".join(packed.headers.get_list("Vary"))
    assert packed.content == plain.content
    assert packed.num_bytes_downloaded < plain.num_bytes_downloaded / 1.5


@pytest.mark.slow("a real nginx before a server")
@pytest.mark.parametrize("path", ["/new.atom", "/static/style.css"])
def test_what_is_compressed_can_be_asked_about(proxied: Proxy, path: str) -> None:
    packed = {"Accept-Encoding": "gzip"}
    tag = proxied.ask(path, packed).headers["ETag"]
    assert proxied.ask(path, packed | {"If-None-Match": tag}).status_code == 304


@pytest.mark.slow("a real nginx before a server")
def test_static_files_are_kept_and_texts_are_not(proxied: Proxy) -> None:
    page = proxied.ask("/archive/releases/1")
    (style,) = re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)
    assert page.headers["Cache-Control"] == "max-age=5"  # it may be taken down
    for path, kept in (
        (style, "max-age=31536000, immutable"),
        (style.partition("?")[0], "max-age=300"),
    ):
        assert proxied.ask(path).headers["Cache-Control"] == kept


@pytest.mark.slow("a real nginx before a server")
def test_the_cache_cannot_be_poisoned(
    tmp_path: Path, certificate: Path, site: int, echo: int
) -> None:
    forged = {**FORGED, "X-Anything": "evil.example", "Accept": "evil.example"}
    swedish = ("", "sv", "*", "de", "sv;q=0.9, en;q=0.1", "evil.example")
    with proxying(tmp_path, certificate, CACHED, site) as proxy:

        def search(accepted: str, more: Mapping[str, str]) -> httpx.Response:
            return proxy.ask("/search?q=fyr", {"Accept-Language": accepted} | dict(more))

        first = search("evil.example", forged)
        assert (first.status_code, first.headers["X-Cache"]) == (200, "MISS")
        assert "evil.example" not in first.text
        found = [search(accepted, {}) for accepted in swedish]
        assert {(each.headers["X-Cache"], each.text) for each in found} == {("HIT", first.text)}
        english = search("en-GB, sv;q=0.5", {"Cookie": "lang=sv"})
        assert (english.headers["X-Cache"], english.headers["Content-Language"]) == ("MISS", "en")
        assert search("sv", {}).headers["Content-Language"] == "sv"
    (tmp_path / "echo").mkdir()
    with proxying(tmp_path / "echo", certificate, CACHED, echo) as proxy:
        told = proxy.ask("/search", forged | {"Accept-Language": "en"}).text.splitlines()
    kept = {"Accept-Language: en", f"Host: {HOST}", "Connection: close"}
    assert {*told} == kept | {"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https"}
