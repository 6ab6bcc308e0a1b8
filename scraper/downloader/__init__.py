"""Components for Scrapy's downloader: robots.txt, limits, SSRF filter, HTTP handler, browser.

Scrapy loads them by the names in scraper/settings.py. Other rooms use:

    limits    exceptions of requests that are not sent or fail; Crawl-delay, budgets, back-off
    browser   listings that only scripts make
"""
