"""Scrapy's settings for this project; each can be changed for one crawl with `-s NAME=VALUE`."""

from __future__ import annotations

import os

# Scrapy reads the source of all modules on the way to one of its deprecated classes (inspect.stack): from here it is
# a short way, which saves each command a sixth of its start
import scrapy.core.downloader.contextfactory  # noqa: F401

BOT_NAME = "myndighetsarkivet"
SPIDER_MODULES = ["scraper.spiders"]
COMMANDS_MODULE = "scraper.commands"

# Ours
ARCHIVE = os.environ.get("ARCHIVE", "archive.db")  # the database's path
AGENCIES = os.environ.get("AGENCIES", "")  # the list of agencies; empty: the one in this package
CONTACT = os.environ.get("CONTACT", "")  # an address or page where a webmaster reaches you; needed for live crawls
RETRY_AFTER_MAX = 600  # seconds; who asks for a longer Retry-After is left in peace for the rest of the crawl
CRAWL_DELAY_MAX = 60  # seconds; a longer Crawl-delay is cut to this
REVISIT_AGES = "<2d=1h, <14d=1d, <90d=7d, else=30d"  # how often a release of that age is looked at again
REVISIT_BUDGET = 500  # requests an agency and day (UTC) for looking at held releases again
ROUND_PASS_MINUTES = 25  # how long each of a round's two passes may go on; what is left waits for the next round
LISTING_PAGES_MAX = 2000  # a listing that goes on longer is taken for a trap

DAILY_BUDGET = 5000  # requests an agency and day (UTC), news and revisits together, without robots.txt
BACK_OFF_AFTER = 5  # addresses of a host in a row without an answer, or with 429 or 503, and it is left in peace
BACK_OFF_FIRST = 1800  # seconds of that; doubled at every further time until the host answers again
BACK_OFF_MAX = 24 * 3600  # seconds; also the longest Retry-After that is kept between crawls
ROBOTS_UNREACHABLE_DAYS = 30  # so long a robots.txt that cannot be read forbids (RFC 9309, 2.3.1.4)
# Off: noindex speaks to search engines of their results. Who publishes for all, and lets robots.txt allow reading,
# may still be quoted and held to it; a release that is kept out of search results is what an archive is for.
NOINDEX_OBEY = False  # on: a release that asks not to be indexed is refused, and a held one not looked at again
# On: HTTP_PROXY and HTTPS_PROXY of the environment are used. The proxy then looks names up, and must itself refuse what
# is not public: the SSRF filter (scraper/downloader/ssrf.py) sees names alone, no addresses. A proxy in a private
# network has to be in PRIVATE_HOSTS.
HTTPPROXY_ENABLED = False
PRIVATE_HOSTS: list[str] = []  # hosts that may be asked though they lie in a private net, such as an intranet's
IN_FLIGHT_MAX = 32 * 1024 * 1024  # bytes of large answers on their way at once, over all hosts

# Of a crew alone (scraper/distributed): many workers on several machines
CREW_BROKER = os.environ.get("CREW_BROKER", "")  # redis://[:password@]host:6379/0, or rediss:// for TLS; Valkey's too
CREW_PREFIX = "myndighetsarkivet"  # of its keys: archives that share a broker have one each
CREW_LEASE = 30.0  # seconds without the broker after which a worker asks for nothing more
CREW_BACKLOG = 64 * 1024 * 1024  # bytes that may wait for the writer; workers wait above that

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
DOWNLOAD_HANDLERS = {
    "http": "scraper.downloader.handler.BoundedDownloadHandler",
    "https": "scraper.downloader.handler.BoundedDownloadHandler",
    **dict.fromkeys(("ftp", "s3", "file", "data")),  # nothing else is of the web
}
TWISTED_DNS_RESOLVER = "scraper.downloader.ssrf.PublicResolver"
REDIRECT_MAX_TIMES = 5
METAREFRESH_ENABLED = False
COOKIES_ENABLED = False
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False  # would run Python sent to it
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "sv,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",  # what scraper.downloader.handler knows
}

DOWNLOADER_MIDDLEWARES = {
    # none of ours has allowed_domains or a password, and each middleware costs at every request
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scraper.downloader.robots.RobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,  # see scraper.downloader.handler
    "scraper.extensions.limits.DeadlineMiddleware": 40,
    "scraper.downloader.throttle.HostSlotMiddleware": 50,  # before robots.txt (100) is asked for the host
    # behind Retry (550), which would hide from them what a host did not answer; they judge robots.txt as well
    "scraper.downloader.throttle.BackOffMiddleware": 560,
    "scraper.downloader.throttle.DailyBudgetMiddleware": 570,
    "scraper.downloader.ssrf.SSRFFilter": 580,
}
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,  # drops requests without a word
}
EXTENSIONS = {
    "scraper.downloader.throttle.CrawlDelayExtension": 100,  # after AutoThrottle (0), whose delay it may only lengthen
    "scraper.downloader.throttle.RetryAfterExtension": 110,
    "scraper.extensions.limits.InFlightLimit": 120,
    "scraper.extensions.crawl_stats.CrawlStatsExtension": 200,
    "scraper.extensions.progress.ProgressExtension": 300,
    "scraper.extensions.limits.GracefulStop": 400,
    "scraper.extensions.limits.GCThresholdExtension": 500,
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
