"""Commands of the sample site: serve it, print its list of agencies, or run the demo."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from tests.site import demo
from tests.site.server import Site


def main() -> int:
    """Parse the command line and run the command."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--pages", type=Path, metavar="DIR", help="a folder of stored pages, too")
    written = "this many releases instead of the written ones"
    shared.add_argument("--releases", type=int, metavar="N", help=written)
    parser = argparse.ArgumentParser(prog="python -m tests.site", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("demo", parents=[shared], help="serve it, crawl it, and the archive")
    made.add_argument("--archive", type=Path, default=Path("archive.db"))
    made.add_argument("--port", type=int, default=8001, help="the archive's port (%(default)s)")
    made.add_argument("--site-port", type=int, default=8002, help="the site's port (%(default)s)")
    made.add_argument("--no-serve", action="store_true", help="stop after the crawl")
    for name, text in (
        ("serve", "serve the site until stopped"),
        ("agencies", "print an agencies.toml for it"),
    ):
        command = commands.add_parser(name, parents=[shared], help=text)
        command.add_argument("--port", type=int, default=8002, help="its port (%(default)s)")
    options = parser.parse_args()
    if options.command == "demo":
        return demo.run(options)
    try:
        site = Site(options.port, releases=options.releases, pages=options.pages)
    except FileNotFoundError as error:
        return demo.complain(str(error))
    if options.command == "agencies":
        sys.stdout.write(site.agencies_toml())
        return 0
    return serve(site)


def serve(site: Site) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    demo.stop_on_sigterm()
    try:
        with site:
            print(
                f"The sample site: http://127.0.0.1:{site.port}/  (knobs: POST /-/knobs, counts:"
                " GET /-/counts)"
            )
            for slug in site.agencies:
                print(f"  {site.url(slug)}", flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    except OSError:
        return demo.complain(f"port {site.port} is taken; choose another with --port")
    return 0


if __name__ == "__main__":
    sys.exit(main())
