"""SQL scripts as single statements, for drivers that take one at a time."""

import re


def statements(text: str) -> list[str]:
    """The statements of a script, without its comments. A semicolon or two dashes within a string are part of it."""
    plain = re.sub(r"('[^']*')|--[^\n]*", lambda found: found[1] or "", text)
    return [found.strip() for found in re.findall(r"(?:'[^']*'|[^;'])+", plain) if found.strip()]
