"""Pages of an invented site, much alike as a site's pages are, and a process that keeps them until it is killed."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from archive.captures import Captures

WORDS = ("fyren", "tänds", "åter", "vid", "kusten", "efter", "tio", "mörka", "år", "och", "hamnen", "får", "ljus")


def furniture(design: int) -> str:
    """Some 20 kB of markup that every page of a design has."""
    chance = random.Random(design)
    links = (f'<li class="c{chance.getrandbits(32):x}"><a href="/{chance.getrandbits(40):x}">' for _ in range(350))
    return "".join(f"{link}{chance.choice(WORDS)}</a></li>" for link in links)


def page(number: int, design: int = 1) -> bytes:
    """One page of a design; each number another text."""
    chance = random.Random(f"{design}:{number}")
    text = " ".join(chance.choice(WORDS) for _ in range(200))
    return f"<html><nav>{furniture(design)}</nav><main><h1>{number}</h1><p>{text}</p></main></html>".encode()


def main() -> None:
    """Keep page after page from a number on, and say each SHA-256 once it is kept."""
    archive, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with Captures(archive) as captures:
        for number in range(first, last):
            sha256 = captures.store_body(page(number, design=number % 3), "fyr.example")
            sys.stdout.write(sha256 + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
