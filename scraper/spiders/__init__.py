"""The spiders, which Scrapy finds by name.

news finds new releases, and revisit checks stored ones. refetch fetches pages again. audit reads
sources to their end. attachments fetches the files of releases that workers checked. past reads
older captures from web archives. Other packages use:

    refetch          the outcomes of single pages
    release_spider   the base class of the spiders
"""
