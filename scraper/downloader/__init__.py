"""Downloader."""
