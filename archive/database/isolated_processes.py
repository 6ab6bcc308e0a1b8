"""Starts scripts as isolated processes, which can be limited and killed.

Such a process has an empty environment and low priority, imports nothing from the project, writes
no core dump, and has limits that the kernel enforces. Its script defines two functions:
`prepare(*arguments)` runs before the limits apply, and `run(prepared, settings)` runs after that,
with the value that `prepare` returned.

The process executes this file, so this file imports only the standard library.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


def start_isolated(
    script: Path,
    *arguments: str,
    limits: Mapping[str, int],
    settings: Mapping[str, Any],
    has_packages: bool = False,
    **streams: Any,
) -> subprocess.Popen[bytes]:
    """Start a script as an isolated process.

    limits: maps the name of each limit (as in the module `resource`, without RLIMIT_) to its value.
    has_packages: whether the script may import installed packages.
    streams: further keyword arguments for subprocess.Popen, such as `stdin` and `stdout`.
    """
    from subprocess import Popen  # noqa: PLC0415 - the process itself needs the memory more

    # isolated: neither the working directory nor the environment decides what is imported
    options = ["-I"] if has_packages else ["-I", "-S"]
    order = json.dumps({"limits": dict(limits), "settings": dict(settings)})
    command = [sys.executable, *options, __file__, str(script), order, *arguments]
    return Popen(command, env={}, **streams)  # noqa: S603 - our own script


def _run_script(path: str, order_json: str, *arguments: str) -> None:
    # some service managers forbid this; the limits must not fail
    with suppress(PermissionError):
        os.nice(10)  # lower priority than the pages of the site
    order = json.loads(order_json)
    script = ModuleType("isolated_script")
    SourceFileLoader(script.__name__, path).exec_module(script)
    prepared = script.prepare(*arguments)
    for name, value in {**order["limits"], "CORE": 0}.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    script.run(prepared, order["settings"])


if __name__ == "__main__":
    _run_script(*sys.argv[1:])
