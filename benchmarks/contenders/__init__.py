"""The contenders: one short program each, started in a separate process with the path of a credentials file."""
