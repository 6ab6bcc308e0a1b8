"""Scrapy's settings for this project. Each can be changed for one crawl with `-s NAME=VALUE`."""

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

# A comment that begins with #: is the description of a setting in docs/reference/settings.md, which
# `make reference` writes from this file. A ## line is a heading there. If the default is a whole
# number, only whole numbers are accepted (check_settings).

## Files and contact

#: Path of the archive's database. `captures.db` and `withheld.db` lie beside it.
ARCHIVE = os.environ.get("ARCHIVE", "archive.db")
#: Path of the list of agencies. Empty: `scraper/agencies.toml`.
AGENCIES = os.environ.get("AGENCIES", "")
#: An address or page where webmasters can reach you. Live crawls need it: it is in the User-Agent
#: of every request.
CONTACT = os.environ.get("CONTACT", "")
#: Folder of `scrapy survey`.
SURVEY = os.environ.get("SURVEY", "survey")
#: `True`: create a new `captures.db` if the archive's own is lost.
NEW_CAPTURES = False

## Rounds and checks

#: Minutes for each of the two passes of a round. The rest waits for the next round.
ROUND_PASS_MINUTES = 25.0
#: How often a stored release is checked: age of the release=interval between checks, the youngest
#: first; `h`, `d`: hours, days.
REVISIT_AGES = "<2d=1h, <14d=1d, <90d=7d, else=30d"
#: Requests per agency and day (UTC) of `scrapy crawl revisit`.
REVISIT_BUDGET = 500
#: Requests per agency and day (UTC) of `news` and `revisit` together, without robots.txt. Half of
#: them are kept for releases; the files that releases link to get the rest.
DAILY_BUDGET = 5000
#: Requests per day (UTC) of `scrapy crawl past`, for all agencies and web archives.
PAST_BUDGET = 10_000
#: Pages of a listing. A longer listing is treated as a crawler trap.
LISTING_PAGES_MAX = 2000
#: Days for which the bytes of pages are kept in which no release could be read. 0: none are kept.
REFUSED_DAYS = 90
#: Share of `captures.db` from which on the oldest refused pages are deleted, if they take more than
#: 32 MiB. 0: none are kept.
REFUSED_SHARE = 0.2
#: Bytes. Larger files that releases link to are not fetched.
ATTACHMENT_MAXSIZE = 10 * 1024 * 1024
#: `True`: releases with `noindex` are rejected, and stored ones not checked again.
NOINDEX_OBEY = False  # noindex is addressed to search engines; a public release is to be archived

## Politeness

ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "Myndighetsarkivet"
#: User-Agent of `scrapy shell`, `fetch` and `view`. Crawls add `CONTACT` to their own.
USER_AGENT = f"Myndighetsarkivet/{__version__}"
#: Seconds between two requests to a host. AutoThrottle lengthens it for a slow host; a longer
#: Crawl-delay of robots.txt replaces it.
DOWNLOAD_DELAY = 1.0
DOWNLOAD_DELAY_JITTER = 0.0  # jitter would also shorten a Crawl-delay
#: Requests to one host at the same time.
CONCURRENT_REQUESTS_PER_DOMAIN = 1
#: Requests at the same time, over all hosts.
CONCURRENT_REQUESTS = 64
CONCURRENT_ITEMS = 1  # a page gives one item; Scrapy starts this many tasks per response
#: `True`: wait longer between requests to a host that answers slowly.
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 0.5
#: Seconds. A longer Crawl-delay of robots.txt is shortened to this.
CRAWL_DELAY_MAX = 60.0
#: Seconds. A host that asks for a longer Retry-After is paused instead of waited for.
RETRY_AFTER_MAX = 600.0
#: A host is paused after this many URLs in a row without a response, or with 429 or 503.
BACK_OFF_AFTER = 5
#: Seconds of a host's first pause. Each further pause is twice as long, until the host responds.
BACK_OFF_FIRST = 1800.0
#: Seconds of the longest pause; also the longest Retry-After that is obeyed across crawls.
BACK_OFF_MAX = 24 * 3600.0
#: Days for which a robots.txt that cannot be reached forbids everything (RFC 9309, 2.3.1.4).
ROBOTS_UNREACHABLE_DAYS = 30.0
#: How often a failed request is repeated.
RETRY_TIMES = 2

## Network

#: Seconds until a request without a response fails.
DOWNLOAD_TIMEOUT = 60.0
#: Bytes. A larger response is not read.
DOWNLOAD_MAXSIZE = 20 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
#: Bytes of large responses in flight at the same time, over all hosts.
IN_FLIGHT_MAX = 32 * 1024 * 1024
#: `True`: refuse hosts whose TLS certificate cannot be verified.
DOWNLOAD_VERIFY_CERTIFICATES = True
#: Hosts in a private network that may be crawled, such as an intranet's, separated by commas.
PRIVATE_HOSTS: list[str] = []
#: `True`: use the proxy in `HTTP_PROXY` and `HTTPS_PROXY` of the environment. The proxy then
#: resolves host names and has to reject private addresses itself. A proxy in a private network has
#: to be in `PRIVATE_HOSTS`.
HTTPPROXY_ENABLED = False  # the SSRF filter (scraper/downloader/ssrf.py) only sees names then
#: Seconds for one listing in the browser (key `browser`), including the delays between its
#: requests.
BROWSER_TIMEOUT = 120.0
#: Path of a Chromium for the key `browser`. Empty: the system's, else Playwright's.
BROWSER_PATH = os.environ.get("BROWSER_PATH", "")
DOWNLOAD_HANDLERS = {
    "http": "scraper.downloader.http_handler.BoundedDownloadHandler",
    "https": "scraper.downloader.http_handler.BoundedDownloadHandler",
    **dict.fromkeys(("ftp", "s3", "file", "data")),  # other schemes are disabled
}
TWISTED_DNS_RESOLVER = "scraper.downloader.ssrf.PublicResolver"
#: Redirects that are followed one after the other.
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

## Distributed crawling

#: `redis://[:password@]host:6379/0` of Redis or Valkey, or `rediss://` for TLS.
DISTRIBUTED_BROKER = os.environ.get("DISTRIBUTED_BROKER", "")
#: Prefix of the broker's keys. Archives that share a broker need different ones.
DISTRIBUTED_PREFIX = "myndighetsarkivet"
#: Seconds without the broker after which a worker stops sending requests.
DISTRIBUTED_LEASE = 30.0
#: Bytes of messages waiting for the writer above which workers have to wait.
DISTRIBUTED_BACKLOG = 64 * 1024 * 1024
# token and host of a worker's lease; `scrapy worker` passes them to its crawls
DISTRIBUTED_TOKEN, DISTRIBUTED_HOST = 0, ""

# Components

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
## Log

#: Least severe messages that are logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`.
LOG_LEVEL = "INFO"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOG_DATEFORMAT = "%Y-%m-%dT%H:%M:%S"
STATS_DUMP = False
# the check would parse a callback's source code for every response
WARN_ON_GENERATOR_RETURN_VALUE = False
LOG_VERSIONS: list[str] = []


def check_settings(settings: BaseSettings) -> None:
    """Raise AgencyError if a setting has an invalid value, or if its name is misspelt."""
    defaults = {name: value for name, value in globals().items() if name.isupper()}
    for name, default in defaults.items():
        if name in settings and (problem := _find_value_problem(name, settings[name], default)):
            raise AgencyError("settings", None, name, problem)
    if "REVISIT_AGES" in settings:
        parse_schedule(str(settings["REVISIT_AGES"]))
    _check_names(settings, known_names={*defaults, *Settings()})


def _check_names(settings: BaseSettings, known_names: set[str]) -> None:
    """Raise AgencyError if an unknown setting has nearly the same name as a known one.

    Only settings from the project or the command line are checked.
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
    """Return why a value of a setting is invalid, or None if it is valid.

    default: the setting's default, whose type the value must have.

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
