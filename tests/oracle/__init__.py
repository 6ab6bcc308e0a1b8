"""Records what a checkout shows its users, and compares two records through a table of intended
renames.

    .venv/bin/python -m tests.oracle record OUT [--shared ../shared]    # in the root of the checkout to record
    .venv/bin/python -m tests.oracle compare BEFORE AFTER               # 0 equal, 1 different, 2 cannot be compared

A refactoring changes tests together with the code, so something else has to say that nothing else
changed. Record the code before and after it, list what was renamed in `renames.toml`, and compare.
Two records of the same code are equal, byte by byte: the clock of every command stands still
(frozen/sitecustomize.py), agencies are crawled one by one, and what cannot be held still is masked
(masks.py). Nothing here imports the product, so that it outlives any refactoring; read_pages.py
alone does, in a process of its own, through the two functions that never change their names.

An OUT holds

    tables/<moment>/<file>/<table>.jsonl   every row of every table and view, and the terms of each search index
    schema/<file>.txt                      the tables' columns and indexes
    urls/<name>.txt                        status, headers and body of pages of the served archive
    commands/<name>.txt                    exit code and output of commands, and the files that they wrote
    items.jsonl, score.json                how every stored page is read, and how well (with --shared)
    harness/<name>.txt                     the output of `make <name>` (with --harness)
"""
