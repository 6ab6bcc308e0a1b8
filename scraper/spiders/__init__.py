"""The spiders: news finds new releases, revisit checks stored ones, audit counts what the sources list."""
