"""The type of a column as the source's catalogue has it, and how large its values can be."""

from dataclasses import dataclass

#: The most that a numeric or a text without limits has, of anything: more than any declared type holds.
UNLIMITED = 2**31
#: Bytes of a character, in any encoding of a server.
CHARACTER_BYTES = 4
#: An enum's label is a name, which is no longer.
ENUM_BYTES = 63


@dataclass(frozen=True)
class StoredType:
    """kind: the base type, or "enum". modifier: PostgreSQL's atttypmod, for instance of varchar(10); -1 is none."""

    kind: str
    modifier: int = -1

    @property
    def scale(self) -> int:
        """The decimals of a numeric."""
        return (self.modifier - 4) & 0x7FF if self.modifier >= 4 else UNLIMITED

    @property
    def whole_digits(self) -> int:
        """The digits of a numeric before the point."""
        return ((self.modifier - 4) >> 16) - self.scale if self.modifier >= 4 else UNLIMITED

    @property
    def text_bytes(self) -> int:
        """The bytes of the longest text."""
        if self.kind == "enum":
            return ENUM_BYTES
        has_length = self.kind in {"varchar", "bpchar"} and self.modifier >= 4
        return CHARACTER_BYTES * (self.modifier - 4) if has_length else UNLIMITED
