"""Stops the clock of recorded commands: this folder is added to their path."""
