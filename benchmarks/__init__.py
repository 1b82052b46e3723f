"""Compares this suite with other tools that do the same work, in one run: `make bench`."""
