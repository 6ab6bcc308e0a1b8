"""Readers of every kind of page, which count faults and the age of what they get."""

from __future__ import annotations

import html
import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

KINDS = {  # URL, and text that a response must contain
    "/": "Myndighetsarkivet",
    "/search?q=skogen": "skogen",
    "/search.json?q=vatten": '"releases"',
    "/search.atom?q=stöd": "<feed",
    "/new.atom": "<feed",
    "/new.json": '"releases"',
    "/agencies": "skogsbruksradet",
    "/agency/skogsbruksradet": "</html>",
    "/archive/releases/1": "</html>",
    "/archive/releases/1.json": '"rows"',
    "/-/revision/1": "</html>",
    "/-/edits": "</html>",
    "/-/edits.json": '"edits"',
    "/-/removed": "</html>",
    "/-/status": "</html>",
    "/-/status.csv": "agency",
    "/-/coverage": "</html>",
    "/-/takedowns": "</html>",
    "/-/cite/1": "</html>",
    "/-/evidence/1.zip": "SHA256SUMS",
    "/archive": "</html>",
    "/archive/releases.json?_shape=array": "title",
    "/archive/revisions.csv?_size=5": "release",
    "/archive.json?sql=select+count(*)+from+releases": "count(*)",
    "/sitemap.xml": "sitemap",
    "/static/style.css": "{",
    "/help": "</html>",
}
LINK = re.compile(r'href="(/archive/releases/\d+)')
LANGUAGES = ("sv", "en-GB,en;q=0.9", "sv-SE,sv;q=0.8,en;q=0.5", "de,en;q=0.5")


@dataclass(slots=True, kw_only=True)
class Answer:
    """A response; status 0: it was not complete."""

    status: int
    body: bytes = b""
    cache: str = ""
    age: float | None = None  # seconds since the snapshot of the response was started
    problem: str = ""

    def shows(self, words: str) -> bool:
        """Return whether it contains some words, in the encoding of its format."""
        text = self.body.decode("utf-8", "replace")
        return words in text or words in html.unescape(text) or json.dumps(words)[1:-1] in text


def ask(port: int, path: str, language: str = "sv", seconds: float = 60) -> Answer:
    """Send a request on a new connection, and read the whole response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", encode(path), headers={"Accept-Language": language})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Answer(status=0, problem=repr(error))
    finally:
        connection.close()
    stamp = answer.getheader("Last-Modified")
    age = time.time() - parsedate_to_datetime(stamp).timestamp() if stamp else None
    return Answer(status=answer.status, body=body, cache=answer.getheader("X-Cache") or "", age=age)


def encode(path: str) -> str:
    """Encode a URL as a browser does."""
    return "".join(
        letter if letter.isascii() else "".join(f"%{b:02X}" for b in letter.encode())
        for letter in path
    )


@dataclass(slots=True)
class Readers:
    """Some threads that read from one address.

    Half of their requests are new, so that no cache has them.
    """

    port: int
    number: int = 4
    pause: float = 0.02
    asked: Counter[str] = field(default_factory=Counter)  # number of requests by kind
    caches: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    oldest: float = 0.0
    slowest: float = 0.0
    hidden: str = ""  # words that no response may contain any more
    # time and place of each response that contained them
    shown: list[tuple[float, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Readers:
        self.threads = [
            threading.Thread(target=self.read, args=(seed,)) for seed in range(self.number)
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def rehearse(self) -> None:
        """Request each kind once; raise RuntimeError if a response is wrong."""
        for kind, wanted in KINDS.items():
            self.note(kind, kind, "sv", wanted)
        if self.errors:
            raise RuntimeError("\n".join(self.errors))

    def read(self, seed: int) -> None:
        """Request page after page, and what the first page links to."""
        chance, number = random.Random(seed), 0
        while not self.ended.is_set():
            for kind in chance.sample(list(KINDS), len(KINDS)):
                number += 1
                path, language = kind, chance.choice(LANGUAGES)
                if chance.random() < 0.5 and not kind.startswith("/static"):
                    path += f"{'&' if '?' in kind else '?'}utm_n={seed}.{number}"
                answer = self.note(kind, path, language, KINDS[kind])
                # a link must lead somewhere, whichever server responds
                if kind == "/" and answer.status == 200:
                    for link in LINK.findall(answer.body.decode())[:2]:
                        self.note("what / links to", link, language, "</html>")
                if self.ended.wait(self.pause):
                    return

    def note(self, kind: str, path: str, language: str, wanted: str) -> Answer:
        """Send a request, and count its result."""
        hidden, begun = self.hidden, time.monotonic()
        answer = ask(self.port, path, language)
        self.slowest = max(self.slowest, time.monotonic() - begun)
        self.asked[kind] += 1
        self.caches[answer.cache] += 1
        if answer.age is not None:
            self.oldest = max(self.oldest, answer.age)
        if answer.status != 200:
            said = answer.problem or answer.body[:80].decode("utf-8", "replace")
            self.errors.append(f"{time.strftime('%H:%M:%S')} {path}: {answer.status} {said}")
        elif wanted.encode() not in answer.body:
            self.errors.append(
                f"{time.strftime('%H:%M:%S')} {path}: holds no {wanted} ({len(answer.body)} bytes)"
            )
        elif hidden and answer.shows(hidden):
            self.shown.append((begun, f"{path} ({answer.cache})"))
        return answer
