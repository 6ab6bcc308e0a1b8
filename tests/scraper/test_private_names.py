"""Private names of Scrapy and Twisted are used only in scraper/downloader/http_handler.py, and mean
what it expects.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from scrapy.core.downloader.handlers import http11
from scrapy.utils import _compression
from twisted.web import _newclient
from twisted.web.client import _HTTP11ClientFactory

from scraper.downloader import http_handler as handler

SCRAPER = Path(handler.__file__).parents[1]
# lxml's type of elements; named tuples (the library reference)
PUBLIC_DESPITE_THEIR_NAME = {"_Element", "_replace"}


def find_private_names(path: Path) -> list[str]:
    """Return the private names that a module uses from other packages, with their lines."""
    tree = ast.parse(path.read_text("utf-8"))
    own = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    own |= {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr not in own:
            found.append((node.lineno, node.attr))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names = ".".join([*modules, *(alias.name for alias in node.names)]).split(".")
            found += [(node.lineno, name) for name in names]
    return [
        f"{path.name}:{line} {name}"
        for line, name in found
        if name.startswith("_")
        and not name.startswith("__")
        and name not in PUBLIC_DESPITE_THEIR_NAME
    ]


def test_private_names_are_used_only_by_the_handler() -> None:
    found = {path: find_private_names(path) for path in SCRAPER.rglob("*.py")}
    assert found.pop(Path(handler.__file__)), "no private names are used: delete this file"
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
def test_private_names_exist(owner: object, name: str) -> None:
    assert hasattr(owner, name), f"{name} is gone: adapt scraper/downloader/http_handler.py"


def test_private_names_have_the_expected_meaning() -> None:
    advice = ": adapt scraper/downloader/http_handler.py"
    # creating one would install a reactor
    source = inspect.getsource(http11.HTTP11DownloadHandler.__init__)
    assert "self._pool._factory = _LenientHTTP11ClientFactory" in source, (
        f"Scrapy sets its client in another way{advice}"
    )
    assert issubclass(http11._LenientHTTP11ClientFactory, _HTTP11ClientFactory), advice
    assert (_newclient.STATUS, _newclient.HEADER) == handler.HEADER_STATES, (
        f"Twisted's parser has other states{advice}"
    )
