"""The one error that the sandbox raises on purpose."""


class SandboxError(Exception):
    """One line for a person: what is wrong and what to do next."""
