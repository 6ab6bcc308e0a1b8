"""Datasets: a frozen part of the archive for research, in a folder that can be cited and checked.

selection.py chooses the releases, tables.py defines and writes the tables, package.py writes the folder.
"""
