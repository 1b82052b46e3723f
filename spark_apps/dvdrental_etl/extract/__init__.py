"""The source: one snapshot, its catalogue, JDBC reads, and what changed since the last load."""
