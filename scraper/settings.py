"""Scrapy's settings for this project; each can be changed for one crawl with `-s NAME=VALUE`."""

from __future__ import annotations

import os

BOT_NAME = "myndighetsarkivet"
SPIDER_MODULES = ["scraper.spiders"]
COMMANDS_MODULE = "scraper.commands"

# Ours
ARCHIVE = os.environ.get("ARCHIVE", "archive.db")  # the database's path
AGENCIES = os.environ.get("AGENCIES", "")  # the list of agencies; empty: the one in this package
CONTACT = os.environ.get("CONTACT", "")  # an address or page where a webmaster reaches you; needed for live crawls
RETRY_AFTER_MAX = 600  # seconds; a longer Retry-After is cut to this
CRAWL_DELAY_MAX = 60  # seconds; a longer Crawl-delay is cut to this
REVISIT_AGES = "<2d=1h, <14d=1d, <90d=7d, else=30d"  # how often a release of that age is looked at again
REVISIT_BUDGET = 500  # requests an agency and day (UTC) for looking at held releases again
LISTING_PAGES_MAX = 2000  # a listing that goes on longer is taken for a trap

# A good guest
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "Myndighetsarkivet"
CONCURRENT_REQUESTS = 64  # over all hosts
CONCURRENT_REQUESTS_PER_DOMAIN = 1
CONCURRENT_ITEMS = 1  # a page gives one; Scrapy starts as many tasks for every answer as this says
DOWNLOAD_DELAY = 1.0  # seconds between requests to one host
DOWNLOAD_DELAY_JITTER = 0  # jitter would also shorten a Crawl-delay
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 0.5
RETRY_TIMES = 2
DOWNLOAD_TIMEOUT = 60
DOWNLOAD_MAXSIZE = 20 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_VERIFY_CERTIFICATES = True
REDIRECT_MAX_TIMES = 5
METAREFRESH_ENABLED = False
COOKIES_ENABLED = False
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False  # would run Python sent to it
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "sv,en;q=0.5",
}

DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scraper.robots.RobotsTxt": 100,
    "scraper.middlewares.OwnSlot": 50,  # before robots.txt (100) is asked for the host
}
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,  # drops requests without a word
}
EXTENSIONS = {
    "scraper.middlewares.CrawlDelay": 100,  # after AutoThrottle (0), whose delay it may only lengthen
    "scraper.middlewares.RetryAfter": 110,
    "scraper.health.Health": 200,
    "scraper.progress.Progress": 300,
}
ITEM_PIPELINES = {"scraper.pipelines.ArchivePipeline": 100}

# The frontier remembers what was seen; Scrapy's own memory would only forget it again
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"
LOG_LEVEL = "INFO"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOG_DATEFORMAT = "%Y-%m-%dT%H:%M:%S"
STATS_DUMP = False
WARN_ON_GENERATOR_RETURN_VALUE = False  # it parses a callback's source anew for every answer
LOG_VERSIONS: list[str] = []
