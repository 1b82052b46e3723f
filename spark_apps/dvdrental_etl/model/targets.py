"""How a table is keyed: what a script says of the table that it fills."""

from dataclasses import dataclass

from dvdrental_etl.model.contract import Column, columns_of

#: The columns that publishing gives to every dimension, after its key.
VERSION_COLUMNS = (
    "valid_from",
    "valid_to",
    "is_current",
    "is_deleted",
    "is_inferred",
    "row_hash",
    "batch_id",
)

#: When the source last changed any row that a member is made of; decides where a new version begins.
CHANGED_AT = Column("changed_at", "timestamp")
ROW_HASH = Column("row_hash", "varchar(32)", required=True)


@dataclass(frozen=True)
class Counted:
    """The source table whose rows a target must account for, and for money: by which day, how much.

    day and amount are source columns; both or neither.
    """

    table: str
    day: str | None = None
    amount: str | None = None


@dataclass(frozen=True)
class Scd2Dimension:
    """One row per version of a member. A change of a tracked column opens a version; others are overwritten."""

    table: str
    key: str
    natural_key: str
    tracked: tuple[str, ...]
    counted: Counted

    @property
    def grain_key(self) -> str:
        """The key of the source's row that a row is made of."""
        return self.natural_key

    @property
    def attributes(self) -> tuple[Column, ...]:
        """What describes a member, in the order of the DDL."""
        given = (self.key, self.natural_key, *VERSION_COLUMNS)
        return tuple(column for column in columns_of(self.table) if column.name not in given)

    @property
    def overwritten(self) -> tuple[Column, ...]:
        """The attributes without history (type 1)."""
        return tuple(column for column in self.attributes if column.name not in self.tracked)

    @property
    def frame(self) -> tuple[Column, ...]:
        """What transform() gives."""
        return (Column(self.natural_key, "integer", required=True), *self.attributes, CHANGED_AT)

    @property
    def staging(self) -> tuple[Column, ...]:
        """What waits in staging for its publish."""
        return (*self.frame, ROW_HASH)


@dataclass(frozen=True)
class Lookup:
    """A fact's key into a dimension, found by the natural key that transform() gives."""

    key: str
    dimension: str
    natural_key: str


@dataclass(frozen=True)
class Fact:
    """One row per event. event is when it happened: dimension versions are those valid then. amount is its money."""

    table: str
    key: str
    event: str
    amount: str
    lookups: tuple[Lookup, ...]
    counted: Counted

    @property
    def grain_key(self) -> str:
        """The key of the source's row that a row is made of."""
        return self.key

    @property
    def frame(self) -> tuple[Column, ...]:
        """What transform() gives: the table's columns, with natural keys in place of surrogate keys."""
        natural = {lookup.key: Column(lookup.natural_key, "integer") for lookup in self.lookups}
        return tuple(
            natural.get(column.name, column) for column in columns_of(self.table) if column.name != "batch_id"
        )

    @property
    def staging(self) -> tuple[Column, ...]:
        """What waits in staging for its publish."""
        return self.frame


Target = Scd2Dimension | Fact
