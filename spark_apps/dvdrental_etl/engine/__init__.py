"""What runs the scripts: one interface, Spark behind it, and the package as executors import it."""
