"""Checks the published dataset and signed webhooks with the validators of their formats: wacz,
mlcroissant, pyshacl and standardwebhooks.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
import threading
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from archive.mail_and_webhooks import parse_webhook_secret, post_json
from archive.publish.catalogue import CROISSANT_FILE, DCAT_FILE
from archive.publish.published_dataset import WACZ_FILE, find_publication
from archive.times import now
from tests.harness.clients.outcome import ClientMissingError
from tests.harness.clients.packages import LISTED
from tests.harness.clients.readers import find_program
from tests.harness.clients.served import ServedArchive, make_folder
from tests.harness.world.processes import ROOT, run_archive, run_command

# in an environment of its own, because it needs pandas, which sqlite-utils would import
MLCROISSANT = ROOT / ".venv/mlcroissant"
READ_CROISSANT = Path(__file__).with_name("read_croissant.py")
DCAT_SHAPES = Path(__file__).with_name("dcat_shapes.ttl")


def check_publication(served: ServedArchive) -> None:
    """Publish a dataset; its web archive and its descriptions are valid, and Croissant's own reader
    downloads the rows of the database.
    """
    folder = make_folder(served.folder, "published")
    run_archive("publish", served.path, folder, "--site", served.url)
    publication = find_publication(folder)
    assert publication is not None
    files = publication.folder
    croissant, dcat = files / CROISSANT_FILE, files / DCAT_FILE
    if (files / WACZ_FILE).is_file():
        command = (find_program("wacz"), "validate", "-f", files / WACZ_FILE)
        served.check("wacz", f"{WACZ_FILE}: validate", "valid", partial(validate_wacz, *command))
    served.check(
        "mlcroissant",
        f"{CROISSANT_FILE}: validate",
        "valid",
        partial(validate_croissant, croissant),
    )
    rows = served.count(LISTED)
    served.check(
        "mlcroissant",
        f"{CROISSANT_FILE}: records of releases",
        rows,
        partial(count_records, croissant),
    )
    served.check(
        "pyshacl", f"{DCAT_FILE}: our shapes of DCAT-AP", "conforms", partial(validate_dcat, dcat)
    )


def validate_wacz(*command: object) -> str:
    printed = run_command(*command)
    return "valid" if "Validation succeeded" in printed else printed


def run_mlcroissant(*words: object) -> str:
    if not (MLCROISSANT / "installed").is_file():
        raise ClientMissingError("no mlcroissant: make .venv/mlcroissant/installed")
    return run_command(sys.executable, *words, PYTHONPATH=str(MLCROISSANT))


def validate_croissant(file: Path) -> str:
    """Run mlcroissant's own command, which fails for an invalid file."""
    run_mlcroissant(MLCROISSANT / "bin/mlcroissant", "validate", "--jsonld", file)
    return "valid"


def count_records(file: Path) -> str:
    """Count the releases that mlcroissant reads, without the site: from the files beside it."""
    local = file.with_name("local-croissant.json")
    described = json.loads(file.read_text("utf-8"))
    for each in described["distribution"]:
        each["contentUrl"] = each["name"]
    local.write_text(json.dumps(described), "utf-8")
    return run_mlcroissant(READ_CROISSANT, local, "releases")


def validate_dcat(file: Path) -> str:
    """Run pyshacl's own command, which fails for a file that does not conform."""
    run_command(find_program("pyshacl"), "-s", DCAT_SHAPES, "-df", "json-ld", file)
    return "conforms"


def check_webhooks(served: ServedArchive) -> None:
    """Send signed messages; the library of Standard Webhooks accepts them, and no other."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    other = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    for what, used, sent_at, expected in (
        ("signed now", secret, now(), "accepted"),
        ("signed with another secret", other, now(), "refused"),
        ("signed an hour ago", secret, now() - timedelta(hours=1), "refused"),
    ):
        read = partial(verify_webhook, secret, used, sent_at)
        served.check("standardwebhooks", f"webhook {what}", expected, read)


def verify_webhook(secret: str, used: str, sent_at: datetime) -> str:
    """Post a message to a server, and return what the library says of what arrived."""
    try:
        from standardwebhooks import Webhook, WebhookVerificationError  # noqa: PLC0415 - optional
    except ImportError:
        raise ClientMissingError("no standardwebhooks: make .venv/clients") from None
    body, headers = receive_webhook(used, sent_at)
    try:
        message = Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return "refused"
    return "accepted" if message["text"] == "Fyren är släckt" else f"got {message}"


def receive_webhook(secret: str, sent_at: datetime) -> tuple[bytes, dict[str, str]]:
    """Post a signed message to a server of this machine; return the body and headers it got."""
    received: list[tuple[bytes, dict[str, str]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the output of the harness free of requests."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        payload = {"id": "msg_1", "text": "Fyren är släckt"}
        post_json(url, payload, parse_webhook_secret(secret), sent_at)
        thread.join()
    return received[0]
