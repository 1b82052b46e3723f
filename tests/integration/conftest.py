"""Integration tests: the jobs run for real, between a source and a warehouse of the embedded PostgreSQL."""
