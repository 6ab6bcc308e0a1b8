"""Components for Scrapy's downloader: robots.txt, limits, SSRF filter, HTTP handler, browser.

Scrapy loads them by the names in scraper/settings.py. Other packages use:

    limits    exceptions for requests that fail or are not sent; Crawl-delay, budgets, back-off
    browser   listings that are built by scripts
"""
