"""The Spark session, and the package as executors import it."""
