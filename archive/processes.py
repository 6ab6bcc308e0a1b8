"""Pure work in several processes, handed back in the order it came; so much is under way at once, and no more."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import TypeVar

from archive.errors import ArchiveError

AHEAD = 2  # tasks a process, beside the one that is being written: memory stays bounded
MOST = 8  # more would wait for the one that writes

Task = TypeVar("Task")
Sent = TypeVar("Sent")
Done = TypeVar("Done")


def count_processes() -> int:
    """How many processes serve: one a core, for the one that writes is idle at times."""
    return min(MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def in_order(
    tasks: Iterable[Task],
    work: Callable[[Sent], Done],
    *,
    send: Callable[[Task], Sent],
    processes: int,
) -> Generator[tuple[Task, Done], None, None]:
    """Each task with what `work` made of what it sends, in their order; 0 processes: it is done here.

    An error of `work` is raised in its task's turn, an ArchiveError of the tasks themselves after what they gave
    before it. Close the iterator, or read it to its end: the processes end then.
    """
    if processes < 1:
        for task in tasks:
            yield task, work(send(task))
        return
    waiting: deque[tuple[Task, Future[Done]]] = deque()
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=follow_parent)
    try:
        fault: ArchiveError | None = None
        coming = iter(tasks)
        while True:
            try:
                task = next(coming)
            except StopIteration:
                break
            except ArchiveError as error:
                fault = error
                break
            waiting.append((task, pool.submit(work, send(task))))
            if len(waiting) > AHEAD * processes:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
        if fault:
            raise fault
    finally:
        pool.shutdown(cancel_futures=True)


def follow_parent() -> None:
    """Ctrl-C is for the one that writes, which then ends the others; and none outlives it, were it killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Waits for the end of the process that started this one."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
