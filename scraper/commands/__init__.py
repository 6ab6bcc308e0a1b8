"""The Scrapy commands of this project, a module for each."""
