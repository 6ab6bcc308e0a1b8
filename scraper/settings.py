"""Scrapy's settings for this project; each can be changed for one crawl with `-s NAME=VALUE`."""

from __future__ import annotations

import difflib
import os

# To check one of its deprecated classes, Scrapy reads the source of all modules on the stack
# (inspect.stack). The stack is short here, which saves a sixth of each command's start-up time.
import scrapy.core.downloader.contextfactory  # noqa: F401
from scrapy.settings import BaseSettings, Settings, get_settings_priority

from scraper import __version__
from scraper.errors import AgencyError
from scraper.revisit_schedule import parse_schedule

# Lower-case names, because Scrapy treats every upper-case name as a setting.
# for settings in seconds, minutes or days; Python's times cannot be much longer
max_duration = 10**8
positive_settings = (
    frozenset(  # settings that must be above 0; for others, 0 means no delay or no requests
        {
            *(
                "BACK_OFF_AFTER",
                "BACK_OFF_FIRST",
                "BACK_OFF_MAX",
                "LISTING_PAGES_MAX",
                "ROUND_PASS_MINUTES",
            ),
            *("BROWSER_TIMEOUT", "ATTACHMENT_MAXSIZE"),
            *(
                "CONCURRENT_REQUESTS",
                "CONCURRENT_REQUESTS_PER_DOMAIN",
                "CONCURRENT_ITEMS",
                "DOWNLOAD_TIMEOUT",
            ),
            *(
                "DISTRIBUTED_LEASE",
                "DISTRIBUTED_BACKLOG",
                "IN_FLIGHT_MAX",
                "AUTOTHROTTLE_TARGET_CONCURRENCY",
            ),
        }
    )
)

BOT_NAME = "myndighetsarkivet"
SPIDER_MODULES = ["scraper.spiders"]
COMMANDS_MODULE = "scraper.commands"

# Settings of this project. If the default is a whole number, only whole numbers are accepted
# (check_settings).
ARCHIVE = os.environ.get("ARCHIVE", "archive.db")  # path of the database
# path of the list of agencies; empty: agencies.toml in this package
AGENCIES = os.environ.get("AGENCIES", "")
# for scrapy shell, fetch and the like; our spiders add CONTACT
USER_AGENT = f"Myndighetsarkivet/{__version__}"
SURVEY = os.environ.get("SURVEY", "survey")  # folder of a survey
CONTACT = os.environ.get("CONTACT", "")  # contact for webmasters; required for live crawls
NEW_CAPTURES = False  # True: create a new captures.db if the archive's own is lost
RETRY_AFTER_MAX = 600.0  # seconds; a host that asks for a longer Retry-After is paused
CRAWL_DELAY_MAX = 60.0  # seconds; upper limit of a Crawl-delay
REVISIT_AGES = "<2d=1h, <14d=1d, <90d=7d, else=30d"  # age of a release=interval between checks
REVISIT_BUDGET = 500  # requests per agency and day (UTC) of revisit crawls
PAST_BUDGET = 10_000  # requests per day (UTC) of past crawls, for all agencies and web archives
# minutes for each of a round's two passes; the rest waits for the next round
ROUND_PASS_MINUTES = 25.0
# Pages in which no release could be read (archive/database/refused_pages.py): the days for which
# they are kept (0: none are), and the share of captures.db from which on the oldest are deleted, if
# they take more than 32 MiB
REFUSED_DAYS, REFUSED_SHARE = 90, 0.2
ATTACHMENT_MAXSIZE = 10 * 1024 * 1024  # bytes; larger files that releases link to are not fetched
LISTING_PAGES_MAX = 2000  # pages; a longer listing is treated as a crawler trap

# requests per agency and day (UTC) of news and revisit crawls together, without robots.txt
DAILY_BUDGET = 5000
# a host is paused after this many URLs in a row without a response, or with 429 or 503
BACK_OFF_AFTER = 5
# seconds of the first pause; doubled for each further pause until the host responds
BACK_OFF_FIRST = 1800.0
BACK_OFF_MAX = 24 * 3600.0  # seconds; also the longest Retry-After that is obeyed across crawls
# an unreachable robots.txt forbids everything for this many days (RFC 9309, 2.3.1.4)
ROBOTS_UNREACHABLE_DAYS = 30.0
# True: releases with noindex are rejected, and stored ones not checked again. Off by default:
# noindex is addressed to search engines. A release that is public and allowed by robots.txt, but
# kept out of search results, belongs in an archive.
NOINDEX_OBEY = False
# True: HTTP_PROXY and HTTPS_PROXY of the environment are used. The proxy then resolves host names
# and has to reject private addresses itself, because the SSRF filter (scraper/downloader/ssrf.py)
# only sees names. A proxy in a private network has to be in PRIVATE_HOSTS.
HTTPPROXY_ENABLED = False
PRIVATE_HOSTS: list[
    str
] = []  # hosts in a private network that may be crawled, such as an intranet's
# seconds for one listing in the browser, including the delays between its requests
BROWSER_TIMEOUT = 120.0
# path of a Chromium; empty: the system's, else Playwright's
BROWSER_PATH = os.environ.get("BROWSER_PATH", "")
# bytes of large responses in flight at the same time, over all hosts
IN_FLIGHT_MAX = 32 * 1024 * 1024

# Only for distributed crawling (scraper/distributed): workers on several machines
# redis://[:password@]host:6379/0 of Redis or Valkey, or rediss:// for TLS
DISTRIBUTED_BROKER = os.environ.get("DISTRIBUTED_BROKER", "")
# prefix of the broker's keys; archives that share a broker need different ones
DISTRIBUTED_PREFIX = "myndighetsarkivet"
DISTRIBUTED_LEASE = 30.0  # seconds without the broker after which a worker stops sending requests
# bytes of messages waiting for the writer above which workers have to wait
DISTRIBUTED_BACKLOG = 64 * 1024 * 1024
# token and host of a worker's lease; `scrapy worker` passes them to its crawls
DISTRIBUTED_TOKEN, DISTRIBUTED_HOST = 0, ""

# Politeness
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "Myndighetsarkivet"
CONCURRENT_REQUESTS = 64  # requests at the same time, over all hosts
CONCURRENT_REQUESTS_PER_DOMAIN = 1
CONCURRENT_ITEMS = 1  # a page gives one item; Scrapy starts this many tasks per response
DOWNLOAD_DELAY = 1.0  # seconds between requests to one host
DOWNLOAD_DELAY_JITTER = 0.0  # jitter would also shorten a Crawl-delay
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 0.5
RETRY_TIMES = 2
DOWNLOAD_TIMEOUT = 60.0
DOWNLOAD_MAXSIZE = 20 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_HANDLERS = {
    "http": "scraper.downloader.http_handler.BoundedDownloadHandler",
    "https": "scraper.downloader.http_handler.BoundedDownloadHandler",
    **dict.fromkeys(("ftp", "s3", "file", "data")),  # other schemes are disabled
}
TWISTED_DNS_RESOLVER = "scraper.downloader.ssrf.PublicResolver"
REDIRECT_MAX_TIMES = 5
METAREFRESH_ENABLED = False
COOKIES_ENABLED = False
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False  # remote control would execute any Python code sent to it
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "sv,en;q=0.5",
    # encodings that scraper/downloader/http_handler.py can decode
    "Accept-Encoding": "gzip, deflate, br, zstd",
}

DOWNLOADER_MIDDLEWARES = {
    # not needed (no allowed_domains, no passwords), and each middleware takes time for every
    # request
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scraper.downloader.robots.RobotsMiddleware": 100,
    # see scraper/downloader/http_handler.py
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
    "scraper.crawl.deadline.DeadlineMiddleware": 40,
    # gets the response after redirects and retries
    "scraper.downloader.browser.BrowserMiddleware": 45,
    # before the robots.txt of the host is requested (100)
    "scraper.downloader.limits.HostSlotMiddleware": 50,
    # after Retry (550), so that they see every failed attempt and the requests for robots.txt
    "scraper.downloader.limits.BackOffMiddleware": 560,
    "scraper.downloader.limits.DailyBudgetMiddleware": 570,
    "scraper.downloader.ssrf.SSRFFilter": 580,
}
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,  # drops requests silently
}
EXTENSIONS = {
    # after AutoThrottle (0), whose delay it may raise
    "scraper.downloader.limits.CrawlDelayExtension": 100,
    "scraper.crawl.deadline.InFlightLimit": 120,
    "scraper.crawl.crawl_stats.CrawlStatsExtension": 200,
    "scraper.crawl.crawl_stats.ProgressExtension": 300,
}
ITEM_PIPELINES = {"scraper.crawl.archive_pipeline.ArchivePipeline": 100}

# the frontier stores which URLs have been seen, even in earlier crawls
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"
FEED_EXPORT_ENCODING = "utf-8"  # for -o and -O; JSON without escapes
LOG_LEVEL = "INFO"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOG_DATEFORMAT = "%Y-%m-%dT%H:%M:%S"
STATS_DUMP = False
# the check would parse a callback's source code for every response
WARN_ON_GENERATOR_RETURN_VALUE = False
LOG_VERSIONS: list[str] = []


def check_settings(settings: BaseSettings) -> None:
    """Raise AgencyError if a setting above has an invalid value, or if the name of a setting seems
    to be misspelt.
    """
    defaults = {name: value for name, value in globals().items() if name.isupper()}
    for name, default in defaults.items():
        if name in settings and (problem := _find_value_problem(name, settings[name], default)):
            raise AgencyError("settings", None, name, problem)
    if "REVISIT_AGES" in settings:
        parse_schedule(str(settings["REVISIT_AGES"]))
    _check_names(settings, known_names={*defaults, *Settings()})


def _check_names(settings: BaseSettings, known_names: set[str]) -> None:
    """Raise AgencyError for a setting of the project or command whose name is almost a known
    one.
    """
    project = get_settings_priority("project")
    for name in settings:
        if name in known_names or (settings.getpriority(name) or 0) < project:
            continue
        if similar := difflib.get_close_matches(name.upper(), known_names, n=1, cutoff=0.85):
            raise AgencyError(
                "settings", None, name, f"is not a setting; did you mean {similar[0]}?"
            )


def _find_value_problem(name: str, value: object, default: object) -> str | None:
    """Return why a value is invalid for a setting with this default, or None if it is valid.

    >>> _find_value_problem("BACK_OFF_FIRST", "soon", 1800.0)
    "'soon' is not a number above 0, up to 100000000"
    >>> _find_value_problem("REVISIT_BUDGET", "1.5", 500)
    "'1.5' is not a whole number from 0 upwards"
    >>> _find_value_problem("NOINDEX_OBEY", "ja", False)
    "'ja' is neither True nor False"
    """
    text, minimum = str(value).strip(), int(name in positive_settings)
    if isinstance(default, bool):
        is_valid = text in ("True", "true", "1", "False", "false", "0")
        return None if is_valid else f"{value!r} is neither True nor False"
    if isinstance(default, int):
        is_valid = text.isascii() and text.isdecimal() and int(text) >= minimum
        return None if is_valid else f"{value!r} is not a whole number from {minimum} upwards"
    if isinstance(default, float):
        least = "above 0, up" if minimum else "from 0"
        is_valid = _is_duration(text, is_zero_valid=not minimum)
        return None if is_valid else f"{value!r} is not a number {least} to {max_duration}"
    if name == "ARCHIVE" and not text:
        return "must not be empty: it is the path of the database"
    return None


def _is_duration(text: str, *, is_zero_valid: bool) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return (number >= 0 if is_zero_valid else number > 0) and number <= max_duration
