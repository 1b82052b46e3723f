"""The error that the sandbox raises for people."""


class SandboxError(Exception):
    """One line for a person: what is wrong and what to do next."""
