"""The spiders. Scrapy finds them by name.

news finds new releases, revisit checks stored ones, refetch fetches pages again, audit reads
sources to their end, attachments fetches the files of releases that workers checked. Other rooms
use:

    refetch          what became of single pages
    release_spider   what all of them share
"""
