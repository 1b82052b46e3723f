"""What stops the benchmark."""


class BenchError(Exception):
    """A message for people: what is wrong and what to do."""
