"""What the pages for reading show beside single releases: lists, months, an agency's record, neighbours, sitemaps."""
