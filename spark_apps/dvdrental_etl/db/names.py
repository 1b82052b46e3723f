"""Names as SQL writes them."""


def quoted(name: str) -> str:
    """An identifier in double quotes, valid whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'
