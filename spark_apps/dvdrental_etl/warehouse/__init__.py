"""One interface to the warehouse, with PostgreSQL and Redshift as its two adapters."""
