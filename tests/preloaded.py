"""Imports what most commands need, for the process that tests/forks.py forks; starts no thread and
opens no file.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil

import rich._emoji_codes  # noqa: F401
import scrapy.cmdline
import scrapy.commands
import scrapy.core.engine
import scrapy.core.scheduler
import scrapy.crawler
import scrapy.http.cookies
import scrapy.squeues
from scrapy.settings import default_settings

import scraper.commands
import scraper.downloader
import scraper.spiders
import tests.site.loopback  # noqa: F401
from archive.language.terms import analyze

for package in (scrapy.commands, scraper.commands, scraper.downloader, scraper.spiders):
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)

for setting in vars(
    default_settings
).values():  # what Scrapy imports by its name when a crawl begins
    for name in setting if isinstance(setting, dict) else [setting]:
        if (
            isinstance(name, str)
            and name.startswith("scrapy.")
            and name.rpartition(".")[2][0].isupper()
        ):
            importlib.import_module(name.rpartition(".")[0])

analyze("Skogsägarnas förordningar", "sv")  # the dictionaries
gc.collect()
gc.freeze()  # else each fork scans, and so copies, all that is imported here
