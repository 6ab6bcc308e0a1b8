"""python -m archive serve [FILE] [--port N]: the archive in the browser, with our pages and settings."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent
METADATA = (  # at the project's top; a wheel puts it among the environment's shared data
    PACKAGE.parent / "metadata.json",
    Path(sys.prefix) / "share" / "myndighetsarkivet" / "metadata.json",
)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and become Datasette; 2 where the file cannot be served."""
    parser = argparse.ArgumentParser(prog="python -m archive", description=__doc__)
    serve = parser.add_subparsers(dest="command", required=True).add_parser("serve", help="serve an archive")
    serve.add_argument("file", nargs="?", type=Path, default=Path("archive.db"), help="(default %(default)s)")
    serve.add_argument("--port", type=int, default=8001, help="(default %(default)s)")
    serve.add_argument("rest", nargs=argparse.REMAINDER, help="after --: further options for datasette serve")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        sys.stderr.write(f"{options.file}: no such file; `make run` or `make crawl` fills an archive\n")
        return 2
    command = datasette_command(options.file, options.port, [word for word in options.rest if word != "--"])
    sys.stdout.flush()
    # this process then is Datasette itself, and gets its signals
    return os.execv(command[0], command)  # noqa: S606 - our own command


def datasette_command(file: Path, port: int, rest: list[str] | None = None) -> list[str]:
    """The one way this archive is served."""
    return [
        *(sys.executable, "-m", "datasette", "serve", str(file), "--port", str(port)),
        *("--metadata", str(next(path for path in METADATA if path.is_file()))),
        *("--plugins-dir", str(PACKAGE / "plugins")),
        *("--template-dir", str(PACKAGE / "templates")),
        *("--static", f"static:{PACKAGE / 'static'}"),
        *("--setting", "suggest_facets", "off"),
        *(rest or []),
    ]


if __name__ == "__main__":
    sys.exit(main())
