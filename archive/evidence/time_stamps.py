"""Time stamps of manifests by authorities outside the archive (RFC 3161).

An authority signs the digest of a manifest together with the time on its own clock. The signed
response is stored in the table `time_stamps`, and `openssl ts -verify` can check it against the
manifest's text without this project's software. A stamp of a manifest also covers everything in the
manifests before it.

Setting, from the environment:

    STAMP_AUTHORITIES  Addresses of the authorities, separated by spaces. In each round, they sign
                       the day's manifest.

The program openssl makes the requests and checks the responses. The library rfc3161-client is not
used: it cannot check a signature without the root certificate, and it refuses responses whose
certificates are not in DER order, such as those of openssl's own authority.
"""

from __future__ import annotations

import base64
import os
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from archive.database.captures import Captures
from archive.database.sqlite_files import ArchiveError, write_transaction
from archive.mail_and_webhooks import request_url
from archive.times import to_iso

AUTHORITIES_VARIABLE = "STAMP_AUTHORITIES"  # addresses, separated by spaces
# manifests that an authority stamps in one run, newest first; a failure may have left many
MAX_REQUESTS = 30
REQUEST_HEADERS = {
    "Content-Type": "application/timestamp-query",
    "Accept": "application/timestamp-reply",
}
MAX_RESPONSE_BYTES = 100_000  # with the certificates of the authority, it has about 6 kB
TIME = re.compile(r"Time stamp: (\w{3} +\d+ [\d:]{8})(?:\.\d+)? (\d{4}) GMT")  # of openssl
ERROR = re.compile(r"(?::error:[^:]*:[^:]*:[^:]*:|Error: )([^:\n]+)")
UNSTAMPED_SQL = """
    select day, digest from manifests m where not exists
      (select 1 from time_stamps where manifest = m.day and authority = ?)
    order by rowid desc limit ?
"""


class StampError(ValueError):
    """A response that is not a valid time stamp of the manifest."""


class OpensslError(StampError):
    """openssl failed, or rejected its input."""


@dataclass(slots=True, kw_only=True)
class StampReport:
    """The result of stamping manifests. Both maps have the URLs of authorities as keys.

    stamped: the days of the manifests that the authority stamped in this run.
    problems: why the authority failed. Authorities that did not fail are left out.
    """

    stamped: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def read_authorities() -> list[str]:
    """Return the URLs of the time-stamping authorities that the environment variable
    STAMP_AUTHORITIES lists.

    Raises ArchiveError if one of them is not an http(s) URL.
    """
    authorities = os.environ.get(AUTHORITIES_VARIABLE, "").split()
    for url in authorities:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            problem = f"{url} is no http or https address"
            raise ArchiveError("environment", problem, key=AUTHORITIES_VARIABLE)
    return authorities


def stamp_manifests(
    db: sqlite3.Connection, captures: Captures, authorities: Sequence[str]
) -> StampReport:
    """Have each authority stamp the manifests that it has not stamped yet, newest first.

    Each authority is asked to stamp at most MAX_REQUESTS manifests in a run. If an authority fails,
    the others are still asked, and the next run asks the failed one again.
    """
    report = StampReport()
    for authority in authorities:
        days = report.stamped.setdefault(authority, [])
        for day, digest in db.execute(UNSTAMPED_SQL, [authority, MAX_REQUESTS]).fetchall():
            try:
                response, stamped = _request_stamp(authority, captures.read(digest))
            except (ArchiveError, OSError, StampError) as error:
                report.problems[authority] = f"manifest {day}: {error}"
                break
            row = [day, authority, to_iso(stamped), base64.b64encode(response).decode()]
            with write_transaction(db):
                db.execute(
                    "insert or ignore into time_stamps (manifest, authority, stamped, response)"
                    " values (?, ?, ?, ?)",
                    row,
                )
            days.append(day)
    return report


def _request_stamp(authority: str, text: bytes) -> tuple[bytes, datetime]:
    """Return an authority's response for the text of a manifest, and the time in it.

    Raises OSError if the request fails, and StampError if openssl fails or the response is not a
    valid time stamp.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "manifest").write_bytes(text)
        query = ("-query", "-data", "manifest", "-sha256", "-cert", "-out", "query")
        _run_openssl(folder, "ts", *query)
        response = request_url(
            authority, (folder / "query").read_bytes(), REQUEST_HEADERS, MAX_RESPONSE_BYTES
        )
        # the query has a number that no other response has
        return response, _check_response(folder, response, "-queryfile", "query")


def check_stamp(response: bytes, digest: str, roots: Path | None = None) -> datetime:
    """Return the time at which a manifest was stamped, in UTC.

    Raises StampError if the response does not prove this time. Certificates must have been valid
    when the manifest was stamped.

    roots: a PEM file with certificates. One of these must have issued the signer's certificate. If
        it is None, the signer is not checked.
    """
    with tempfile.TemporaryDirectory() as name:
        return _check_response(Path(name), response, "-digest", digest, roots=roots)


def _check_response(
    folder: Path, response: bytes, *subject: str, roots: Path | None = None
) -> datetime:
    """Check a response, and return the time in it. Raises StampError if the response is invalid.

    folder: a folder for temporary files.
    """
    (folder / "response").write_bytes(response)
    try:
        answer = _run_openssl(folder, "ts", "-reply", "-in", "response", "-text")
    except OpensslError as error:
        raise StampError(f"no response of RFC 3161 ({error})") from None
    try:
        _run_openssl(folder, "ts", "-reply", "-in", "response", "-token_out", "-out", "token")
    except OpensslError:  # a response without a stamp says why
        reason = " ".join(answer.decode(errors="replace").split())[:200]
        raise StampError(f"refused by the authority: {reason}") from None
    # only of the signed token: text beside it could state another time
    text = _run_openssl(folder, "ts", "-reply", "-token_in", "-in", "token", "-text")
    found = TIME.search(text.decode(errors="replace"))
    if not found:
        raise StampError("its time cannot be read")
    # a fraction of a second is left out
    stamped = datetime.strptime(f"{found[1]} {found[2]} +0000", "%b %d %H:%M:%S %Y %z")
    certificates = str(roots.resolve()) if roots else "certificates"
    if roots is None:
        listed = _run_openssl(folder, "pkcs7", "-inform", "DER", "-in", "token", "-print_certs")
        (folder / "certificates").write_bytes(listed)
    trusted = ("-CAfile", certificates, *(() if roots else ("-partial_chain",)))
    moment = ("-attime", str(int(stamped.timestamp())))
    _run_openssl(folder, "ts", "-verify", *subject, "-in", "response", *trusted, *moment)
    return stamped


def _run_openssl(folder: Path, *arguments: str) -> bytes:
    """Run openssl, and return its output.

    Raises OpensslError with openssl's first error message.
    """
    try:
        done = subprocess.run(  # noqa: S603 - no argument is a visitor's
            ["openssl", *arguments],  # noqa: S607 - as the operator has installed it
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=30,
        )
    except FileNotFoundError:
        raise StampError("time stamps need the program openssl") from None
    except subprocess.TimeoutExpired:
        raise OpensslError(f"openssl {arguments[0]} took too long") from None
    if done.returncode:
        problems = ERROR.findall(done.stderr.decode(errors="replace"))
        raise OpensslError(f"openssl: {problems[0] if problems else f'code {done.returncode}'}")
    return done.stdout
