"""Imports what most commands need, for the process that tests/forks.py forks; starts no thread and opens no file."""

from __future__ import annotations

import importlib
import pkgutil

import scrapy.commands
import scrapy.core.downloader.contextfactory
import scrapy.core.engine
import scrapy.core.scheduler
import scrapy.crawler
import scrapy.dupefilters
import scrapy.extensions.corestats
import scrapy.extensions.logstats
import scrapy.extensions.memusage
import scrapy.extensions.telnet
import scrapy.extensions.throttle
import scrapy.pqueues
import scrapy.spiderloader
import scrapy.spidermiddlewares
import scrapy.statscollectors

import scraper.commands
import scraper.downloader
import scraper.extensions
import scraper.spiders
from archive.analysis import analyze

for package in (
    scrapy.commands,
    scrapy.spidermiddlewares,
    scraper.commands,
    scraper.downloader,
    scraper.extensions,
    scraper.spiders,
):
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)

analyze("Skogsägarnas förordningar", "sv")  # the dictionaries
