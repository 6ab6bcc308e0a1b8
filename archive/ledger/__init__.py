"""The completeness ledger: what an agency's sources list, held against what the archive holds.

`scrapy crawl audit` reads the sources whole; `stock` counts and writes, `refill` puts what is missing before the next
crawl, `shown` reads it for /-/ledger. An address that a source lists is one of three:

    held      a release was read there, be it that it is gone or stands elsewhere by now
    refused   it was asked for, and no release could be read there: no release, 404, unreadable, forbidden by robots.txt
    missing   a gap: never found, found and not yet read, not answered, or read and kept aside

A month is that of publication: by the held release's own word, else by the source's (a feed's, a listing's); else it
is unknown. A sitemap tells when a page was changed, which is no such word.
"""
