"""Statements that visitors bring run in processes of their own, which can be held to limits and killed.

A progress handler alone does not hold: one call of `replace`, `instr`, `json_patch` or `like`, or one FTS5 prefix, is a
single step of SQLite's machine that may take half a minute, and nothing inside the process can end it.
"""

from archive.guard.database import Guarded, Visit, current_visit
from archive.guard.limits import Limits
from archive.guard.turns import BusyError

__all__ = ["BusyError", "Guarded", "Limits", "Visit", "current_visit"]
