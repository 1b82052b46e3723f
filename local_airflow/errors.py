"""Errors with a message for people."""


class LocalAirflowError(Exception):
    """One line for a person: what is wrong and what to do next."""
