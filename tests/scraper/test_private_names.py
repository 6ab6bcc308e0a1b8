"""Private names of Scrapy and Twisted are used in scraper/downloader/handler.py alone, and still mean what it expects.

If a test here fails after an update of Scrapy or Twisted, adapt that module before the new version is pinned.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from scrapy.core.downloader.handlers import http11
from scrapy.utils import _compression
from twisted.internet.testing import StringTransport
from twisted.web import _newclient
from twisted.web.client import _HTTP11ClientFactory
from twisted.web.http_headers import Headers

from scraper.downloader import handler

SCRAPER = Path(handler.__file__).parents[1]
PUBLIC_DESPITE_THEIR_NAME = {"_Element", "_replace"}  # lxml's type of elements; named tuples (the library reference)


def find_private_names(path: Path) -> list[str]:
    """Return the private names that a module takes from other packages, with their lines."""
    tree = ast.parse(path.read_text("utf-8"))
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    own |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Attribute) and node.attr not in own:
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        line, private = (
            getattr(node, "lineno", 0),
            [name for name in names if name.startswith("_") and not name.startswith("__")],
        )
        found += [f"{path.name}:{line} {name}" for name in private if name not in PUBLIC_DESPITE_THEIR_NAME]
    return found


def test_only_the_download_handler_uses_private_names() -> None:
    found = {path: find_private_names(path) for path in SCRAPER.rglob("*.py")}
    assert found.pop(Path(handler.__file__)), "none is used any more: delete this file"
    assert [name for names in found.values() for name in names] == []


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (http11, "_LenientHTTP11ClientFactory"),
        (http11, "_LenientHTTP11ClientProtocol"),
        (_compression, "brotli"),
        (_compression, "zstd"),
        (_newclient.HTTP11ClientProtocol, "_parser"),
    ],
)
def test_the_private_names_exist(owner: object, name: str) -> None:
    assert hasattr(owner, name), f"{name} is gone: adapt scraper/downloader/handler.py"


def test_the_private_names_have_the_expected_meaning() -> None:
    advice = ": adapt scraper/downloader/handler.py"
    source = inspect.getsource(http11.HTTP11DownloadHandler.__init__)  # creating one would install a reactor
    assert "self._pool._factory = _LenientHTTP11ClientFactory" in source, (
        f"Scrapy sets its client in another way{advice}"
    )
    assert issubclass(http11._LenientHTTP11ClientFactory, _HTTP11ClientFactory), advice
    assert (_newclient.STATUS, _newclient.HEADER) == handler.HEADER_STATES, f"Twisted's parser has other states{advice}"


@pytest.mark.parametrize(("size", "aborted"), [(handler.MAX_HEADER_BYTES // 2, False), (10**6, True)])
def test_a_response_with_endless_headers_is_aborted(size: int, aborted: bool) -> None:
    protocol = handler.BoundedHTTPFactory(lambda _: None, "").buildProtocol(None)  # type: ignore[no-untyped-call]
    transport = StringTransport()  # type: ignore[no-untyped-call]
    protocol.makeConnection(transport)  # type: ignore[no-untyped-call]
    request = _newclient.Request(b"GET", b"/", Headers({b"host": [b"a.example"]}), None)  # type: ignore[no-untyped-call]
    protocol.request(request).addErrback(lambda _: None)
    protocol.dataReceived(b"HTTP/1.1 200 OK\r\n")
    line = b"X-Filler: " + b"a" * 1000 + b"\r\n"
    for _ in range(size // len(line)):
        protocol.dataReceived(line)
        if transport.disconnected:
            break
    assert transport.disconnected is aborted
