"""make reference: write what has changed."""

from __future__ import annotations

from tests.reference import ROOT, build_files

for path, text in build_files():
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
        print(f"{path.relative_to(ROOT)} is written")
