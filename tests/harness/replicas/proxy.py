"""Runs nginx with the project's scraper/deploy/nginx.conf, but with other ports and folders,
without TLS and limits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.harness.world.processes import ROOT, Background

CONF = ROOT / "scraper" / "deploy" / "nginx.conf"
DEFAULT_SERVER = re.compile(
    r"^server \{\n    listen .* default_server;\n(?: .*\n)+\}\n", re.MULTILINE
)
WHOLE = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""


def write(folder: Path, port: int, replicas: Sequence[int], owner: int) -> Path:
    """Write the configuration as it is tested here."""
    text = DEFAULT_SERVER.sub("", CONF.read_text("utf-8"))
    for before, after in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:8101", f"127.0.0.1:{replicas[0]}"),
        ("127.0.0.1:8102", f"127.0.0.1:{replicas[1]}"),
        ("127.0.0.1:8001", f"127.0.0.1:{owner}"),
        ("/var/cache/nginx/archive", f"{folder}/cache"),
    ):
        assert before in text, f"{CONF.name} has no {before}"
        text = text.replace(before, after)
    # all readers here have the same address; what nginx hides from them is counted in its error log
    text = re.sub(
        r"^ *(ssl_\w+|limit_\w+|(?:error|access)_log(?= /)) .*\n", "", text, flags=re.MULTILINE
    )
    return write_whole(folder, text)


def write_whole(folder: Path, site: str) -> Path:
    """Return a complete configuration for a process of its own."""
    path = folder / "nginx.conf"
    user = "" if os.geteuid() else "user root;"  # no other user may read the folder
    path.write_text(WHOLE.format(folder=folder, site=site, user=user), "utf-8")
    return path


@contextmanager
def proxying(
    nginx: str, folder: Path, port: int, replicas: Sequence[int], owner: int
) -> Iterator[Path]:
    """Run nginx during the block; yield the file in which it logs errors of its upstream
    servers.
    """
    folder.mkdir()
    with run_nginx(nginx, write(folder, port, replicas, owner), port):
        yield folder / "error.log"


def run_nginx(nginx: str, path: Path, port: int) -> Background:
    """Return the process of nginx with an existing configuration."""
    log = path.with_name("error.log")
    return Background([nginx, "-p", path.parent, "-e", log, "-c", path], log, port)
