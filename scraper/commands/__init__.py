"""The Scrapy commands of this project, one module per command."""
