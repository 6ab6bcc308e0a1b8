"""A crew of workers on one archive, some of them killed: `make workers`."""
