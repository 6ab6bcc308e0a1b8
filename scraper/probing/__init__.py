"""Looking at an agency's site or page before it is crawled: what `scrapy probe` and `scrapy extract` tell."""
