"""The error that ends a benchmark."""


class BenchError(Exception):
    """One line for a person: what is wrong and what to do next."""
