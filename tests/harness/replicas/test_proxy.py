"""Tests both documented configurations of nginx, with TLS: a response never contains another
reader's request.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.archive.sample import fill
from tests.harness.replicas.proxy import CONF, running, write_whole
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
pytestmark = pytest.mark.skipif(not (NGINX and OPENSSL), reason="there is no nginx, or no openssl")

HOST = "arkiv.example"
THREATS = ROOT / "docs" / "security.md"
DOCUMENTED = {
    "nginx.conf": CONF.read_text("utf-8"),
    "security.md": "".join(
        re.findall(r"^```nginx\n(.*?)^```", THREATS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    ),
}
FORGED = {
    "X-Forwarded-Proto": "http",
    "X-Forwarded-For": "203.0.113.6",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "Forwarded": "for=203.0.113.6;proto=http;host=evil.example",
    "Cookie": "ds_actor=evil.example",
    "Authorization": "Bearer evil.example",
}


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running nginx."""

    port: int
    plain_port: int  # port without TLS

    def get(self, path: str, *, name: str = HOST, **headers: str) -> Response:
        """Return the response to a reader who trusts any certificate.

        name: the host name sent with TLS.
        """
        return self.send(path, headers, name=name)

    def post(self, path: str, body: bytes, **headers: str) -> Response:
        return self.send(path, headers, body=body)

    def send(
        self, path: str, headers: dict[str, str], name: str = HOST, body: bytes | None = None
    ) -> Response:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30)
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection.sock,
        ):
            sent = {"Host": HOST} | {key.replace("_", "-"): headers[key] for key in headers}
            return read(connection, path, sent, body)


def read(
    connection: http.client.HTTPConnection,
    path: str,
    headers: dict[str, str],
    body: bytes | None = None,
) -> Response:
    connection.putrequest(
        "GET" if body is None else "POST", path, skip_host=True, skip_accept_encoding=True
    )
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    return Response(response.status, response.headers, response.read())


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
        body = "".join(
            f"{name}: {value}\n" for name, value in sorted(self.headers.items())
        ).encode()
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
    with running(str(NGINX), write_whole(folder, text), port):
        yield Proxy(port, plain_port)


@pytest.fixture(scope="module", params=DOCUMENTED)
def echoed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    certificate: Path,
    echo: int,
) -> Iterator[Proxy]:
    with proxying(
        tmp_path_factory.mktemp("echoed"), certificate, DOCUMENTED[request.param], echo
    ) as proxy:
        yield proxy


@pytest.fixture(scope="module", params=DOCUMENTED)
def proxied(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    certificate: Path,
    site: int,
) -> Iterator[Proxy]:
    with proxying(
        tmp_path_factory.mktemp("proxied"), certificate, DOCUMENTED[request.param], site
    ) as proxy:
        yield proxy


@pytest.mark.parametrize(
    "path", ["/search?q=fyr", "/archive/releases", "/-/evidence/1.zip", "/new.atom"]
)
def test_what_a_reader_forges_does_not_reach_the_archive(echoed: Proxy, path: str) -> None:
    told = echoed.get(path, **FORGED).text
    assert "evil.example" not in told
    assert "203.0.113.6" not in told
    assert f"Host: {HOST}\n" in told
    assert "X-Forwarded-Proto: https\n" in told
    assert "X-Forwarded-For: 127.0.0.1\n" in told
    assert told.count("X-Forwarded") == 2


def test_an_answer_that_breaks_off_is_seen_to_have_done_so(echoed: Proxy) -> None:
    for path in ("/archive/broken.csv", "/search.csv?broken"):
        with pytest.raises(http.client.IncompleteRead):
            echoed.get(path)


@pytest.mark.parametrize("document", DOCUMENTED)
def test_an_excel_file_is_waited_for_and_made_once(
    tmp_path: Path, certificate: Path, echo: int, document: str
) -> None:
    text = re.sub(r" *proxy_read_timeout 60s;\n", "", DOCUMENTED[document])
    text = text.replace(
        "proxy_http_version 1.1;", "proxy_http_version 1.1;\n    proxy_read_timeout 400ms;"
    )
    with proxying(tmp_path, certificate, text, echo) as proxy:
        for path in ("/archive/slow.xlsx", "/search.xlsx?slow"):
            Echo.slow_requests = 0
            assert proxy.get(path).status == 200, path
            assert Echo.slow_requests == 1, path
        assert proxy.get("/slow").status == 504


# readers with addresses of their own, which nginx takes from a header
CLIENTS = "set_real_ip_from 127.0.0.1;\nreal_ip_header X-Client;\n"


@pytest.mark.parametrize("document", DOCUMENTED)
def test_limits_count_networks_and_logs_have_no_reader(
    tmp_path: Path, certificate: Path, echo: int, document: str
) -> None:
    text = DOCUMENTED[document].replace("rate=10r/s", "rate=1r/m").replace("burst=40", "burst=4")
    with proxying(tmp_path, certificate, CLIENTS + text, echo) as proxy:
        for clients in (
            [f"2001:db8:1:2:{n}::{n}" for n in range(8)],
            ["203.0.113.9"] * 8,
            ["203.0.113.11", "::ffff:203.0.113.11"] * 4,
        ):
            statuses = [
                proxy.get(f"/about?n={n}", X_Client=client).status
                for n, client in enumerate(clients)
            ]
            assert statuses == [200] * 5 + [429] * 3, clients
        for client in ("2001:db8:1:3::1", "2001:db8:2:2::1", "203.0.113.10", "::ffff:203.0.113.12"):
            assert proxy.get("/search?q=hemlig", X_Client=client).status == 200
        assert (
            proxy.get("/-/follow/subscription?token=hemlig", X_Client="203.0.113.20").status == 200
        )
        with closing(http.client.HTTPConnection("127.0.0.1", proxy.plain_port)) as plain:
            assert read(plain, "/search?q=hemlig", {"Host": HOST}).status == 301
    logged = {path.name: path.read_text("utf-8") for path in tmp_path.glob("*.log")}
    assert re.search(r"GET /search 200 200", logged["archive.log"])
    assert "GET /about 429" in logged["archive.log"]
    for name, lines in logged.items():
        for secret in ("hemlig", "?", "2001:db8", "203.0.113", "127.0.0.1"):
            assert secret not in lines, name


def test_bodies_arrive_whole_and_with_their_type(echoed: Proxy) -> None:
    paths = (
        "/-/mcp",
        "/-/check",
        "/-/check.json",
        "/-/batch",
        "/-/batch.csv",
        "/-/follow",
        "/-/follow/subscription",
    )
    for path in paths:
        body = b"x" * (7_000 if "follow" in path else 150_000)
        response = echoed.post(
            path, body, Content_Type="application/json", Sec_Fetch_Site="same-origin"
        )
        assert response.status == 200, path
        for line in (
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Sec-Fetch-Site: same-origin",
        ):
            assert f"{line}\n" in response.text, path
    assert echoed.post("/search", b"x" * 2_000).status == 413


def test_language_models_reach_the_archive(proxied: Proxy) -> None:
    pytest.importorskip("mcp")
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/list",
        "params": {"padding": "x" * 3_000},
    }
    headers = {"Content_Type": "application/json", "Accept": "application/json, text/event-stream"}
    response = proxied.post("/-/mcp", json.dumps(message).encode(), **headers)
    assert response.status == 200, response.text
    assert json.loads(response.body)["result"]["tools"]


def test_links_are_https_whatever_a_reader_says(proxied: Proxy) -> None:
    for path in ("/new.atom", "/-/edits.json", "/archive/releases.json?_size=1"):
        for forged in (FORGED, {"X-Forwarded-Proto": "javascript"}):
            response = proxied.get(path, **forged)
            assert response.status == 200, response.text
            links = re.findall(rf"(\w+)://({HOST}|evil\.example)", response.text)
            assert links, path
            assert {*links} == {("https", HOST)}, path


def test_no_other_name_and_no_connection_without_tls(proxied: Proxy) -> None:
    with pytest.raises(ssl.SSLError):
        proxied.get("/", name="evil.example")
    assert proxied.get("/", Host="evil.example").status == 421
    with closing(http.client.HTTPConnection("127.0.0.1", proxied.plain_port)) as plain:
        response = read(plain, "/about?lang=en", {"Host": "evil.example"})
    assert (response.status, response.headers["Location"]) == (301, f"https://{HOST}/about?lang=en")


def test_long_answers_are_compressed_and_asked_about(proxied: Proxy) -> None:
    for path in (
        "/about",
        "/search.json?size=50",
        "/archive/releases.json?_shape=array",
        "/archive/releases.csv",
        "/static/style.css",
    ):
        plain, packed = proxied.get(path), proxied.get(path, Accept_Encoding="gzip")
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip", path
        assert "Accept-Encoding" in ", ".join(packed.headers.get_all("Vary", []))
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 1.5
    for path in ("/new.atom", "/static/style.css"):
        tag = proxied.get(path, Accept_Encoding="gzip").headers["ETag"]
        assert proxied.get(path, Accept_Encoding="gzip", If_None_Match=tag).status == 304, path


def test_static_files_are_kept_and_texts_are_not(proxied: Proxy) -> None:
    page = proxied.get("/archive/releases/1")
    assert page.headers["Cache-Control"] == "max-age=5"  # it may be taken down
    (style,) = re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)
    assert proxied.get(style).headers["Cache-Control"] == "max-age=31536000, immutable"
    assert proxied.get(style.partition("?")[0]).headers["Cache-Control"] == "max-age=300"


def test_the_cache_cannot_be_poisoned(
    tmp_path: Path, certificate: Path, site: int, echo: int
) -> None:
    forged = {**FORGED, "X-Anything": "evil.example", "Accept": "evil.example"}
    swedish = ("", "sv", "*", "de", "sv;q=0.9, en;q=0.1", "evil.example")
    with proxying(tmp_path, certificate, DOCUMENTED["nginx.conf"], site) as proxy:
        first = proxy.get("/search?q=fyr", **forged, Accept_Language="evil.example")
        assert (first.status, first.headers["X-Cache"]) == (200, "MISS")
        assert "evil.example" not in first.text
        found = [proxy.get("/search?q=fyr", Accept_Language=accepted) for accepted in swedish]
        assert {(response.headers["X-Cache"], response.text) for response in found} == {
            ("HIT", first.text)
        }
        english = proxy.get("/search?q=fyr", Accept_Language="en-GB, sv;q=0.5", Cookie="lang=sv")
        assert (english.headers["X-Cache"], english.headers["Content-Language"]) == ("MISS", "en")
        assert proxy.get("/search?q=fyr", Accept_Language="sv").headers["Content-Language"] == "sv"
    (tmp_path / "echo").mkdir()
    with proxying(tmp_path / "echo", certificate, DOCUMENTED["nginx.conf"], echo) as proxy:
        told = proxy.get("/search", **forged, Accept_Language="en").text.splitlines()
    kept = {"Accept-Language: en", f"Host: {HOST}", "Connection: close"}
    assert {*told} == kept | {"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https"}
