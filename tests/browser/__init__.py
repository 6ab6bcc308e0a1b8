"""The site seen through a real browser."""
