"""The project's tests, laid out as the packages are."""
