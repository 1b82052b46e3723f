"""Connections: identifiers as SQL writes them, PostgreSQL and Redshift drivers behind one cursor."""
