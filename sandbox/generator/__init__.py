"""Generates the data of a rental business at any scale; the same seed gives the same data."""
