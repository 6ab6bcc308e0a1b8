"""An authority for time stamps (RFC 3161) on loopback: openssl signs, http.server answers."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

CONFIG = """
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[stamps]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
serial = serial
signer_cert = signer.pem
certs = root.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ordering = yes
ess_cert_id_alg = sha256
"""


def run_openssl(folder: Path, *arguments: str, content: bytes = b"") -> bytes:
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, input=content, capture_output=True, check=True
    )
    return done.stdout


@cache
def create_certificates(name: str) -> Path:
    """Return a folder with the keys of an authority, whose certificate its root.pem issued."""
    folder = Path(tempfile.mkdtemp(prefix="authority-"))
    (folder / "tsa.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for who, extensions, issuer in (
        ("root", "ca", ()),
        ("signer", "stamps", ("-CA", "root.pem", "-CAkey", "root.key")),
    ):
        run_openssl(
            *(folder, "req", "-x509", *new_key, "-keyout", f"{who}.key", "-out", f"{who}.pem"),
            *("-days", "36500", "-subj", f"/CN={name} {who}", *issuer),
            *("-config", "tsa.cnf", "-extensions", extensions),
        )
    return folder


@dataclass
class Authority:
    """A served authority; as long as `is_dead`, it answers 503."""

    folder: Path
    url: str = ""
    is_dead: bool = False
    answers: list[bytes] = field(default_factory=list)  # given in place of signed ones
    requests: int = 0

    def sign(self, query: bytes) -> bytes:
        (self.folder / "query.tsq").write_bytes(query)
        command = ("ts", "-reply", "-config", "tsa.cnf", "-section", "tsa")
        return run_openssl(self.folder, *command, "-queryfile", "query.tsq")


@contextmanager
def serve_authority(name: str = "Tiden") -> Iterator[Authority]:
    authority = Authority(create_certificates(name))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            authority.requests += 1
            query = self.rfile.read(int(self.headers["content-length"]))
            if authority.is_dead:
                self.send_error(503)
                return
            answer = authority.answers.pop(0) if authority.answers else authority.sign(query)
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        authority.url = f"http://127.0.0.1:{server.server_port}/"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield authority
        finally:
            server.shutdown()
            thread.join()
