"""Looking at an agency whose pages are read otherwise than before: what `scrapy doctor` tells."""
