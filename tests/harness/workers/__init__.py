"""Workers that crawl for one archive, some of them killed: `make workers`."""
