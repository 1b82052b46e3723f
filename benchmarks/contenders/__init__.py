"""The contenders: one short program each, started as a process of its own with the path of a credentials file."""
