"""Checks that each client notices a stream that fails in the middle."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial

import httpx
import requests

from tests.harness.clients.outcome import ClientMissingError
from tests.harness.clients.readers import read_with_pandas, read_with_r
from tests.harness.clients.served import ServedArchive

STREAM = "/archive/releases.csv?_stream=on&_sort=id&_col=body"
FAILS = "rows, then an error"


def check_broken_streams(served: ServedArchive) -> None:
    """Read a stream in which a late page fails."""
    for client, read in (
        ("curl", read_with_curl),
        ("httpx", read_with_httpx),
        ("requests", read_with_requests),
        ("R read.csv", describe_r),
        ("pandas", lambda served: describe_pandas(f"{served.url}{STREAM}")),
    ):
        served.check(client, "a stream that fails on a late page", FAILS, partial(read, served))


def read_with_curl(served: ServedArchive) -> str:
    """Return whether curl exits with an error although the response began with 200."""
    program = shutil.which("curl")
    if program is None:
        raise ClientMissingError("no curl (Debian: apt-get install curl)")
    command = [program, "--silent", "--show-error", "--fail", "--noproxy", "*", served.url + STREAM]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    return describe(
        done.stdout.count(b"\n"), "" if done.returncode == 0 else f"exit code {done.returncode}"
    )


def count_lines(pieces: Iterator[bytes]) -> str:
    """Read to the end, or to an error, and describe what came."""
    lines, problem = 0, ""
    try:
        for piece in pieces:
            lines += piece.count(b"\n")
    except (httpx.HTTPError, requests.RequestException) as error:
        problem = str(error)
    return describe(lines, problem)


def read_with_httpx(served: ServedArchive) -> str:
    with served.client.stream("GET", STREAM) as response:
        return count_lines(response.raise_for_status().iter_bytes())


def read_with_requests(served: ServedArchive) -> str:
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(served.url + STREAM, stream=True, timeout=120)
        response.raise_for_status()
        return count_lines(response.iter_content(65_536))


def describe_r(served: ServedArchive) -> str:
    try:
        return f"{read_with_r('csv', served.url + STREAM)}, and no error"
    except subprocess.SubprocessError as error:
        return FAILS if "exit code 1" in str(error) else str(error)


def describe_pandas(url: str) -> str:
    try:
        size = read_with_pandas(url, "id")
    except subprocess.SubprocessError as error:
        return FAILS if "IncompleteRead" in str(error) else str(error)
    return f"{size.rows} rows, and no error"


def describe(lines: int, problem: str) -> str:
    if problem and lines > 1:
        return FAILS
    return f"{lines} lines, {problem or 'and no error'}"
