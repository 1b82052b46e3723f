"""How a table of the star is keyed and what its rows must be: what a script declares as TARGET."""

from dataclasses import dataclass

from dvdrental_etl.model.contract import Column, columns_of, primary_key
from dvdrental_etl.model.rules import Rule, implied_by_ddl, unknown_key_is_reserved
from dvdrental_etl.model.sentinels import END_OF_TIME, LOWEST

#: The columns that publishing gives to every dimension, after its attributes.
VERSION_COLUMNS = (
    "valid_from",
    "valid_to",
    "is_current",
    "is_deleted",
    "is_inferred",
    "row_hash",
    "batch_id",
)

#: The first version of every member is valid from here on; the last one up to END_OF_TIME. No event lies outside.
FIRST_VERSION = "1900-01-01"
#: When the source last changed any row that a member is made of; decides where a new version begins.
CHANGED_AT = Column("changed_at", "timestamp")
ROW_HASH = Column("row_hash", "varchar(32)", required=True)


@dataclass(frozen=True)
class Reconciled:
    """How a fact's money is counted in the source: columns of its grain's table, per day of `day`."""

    day: str
    amount: str


@dataclass(frozen=True)
class Scd2Dimension:
    """One row per version of a member. A change of a tracked column opens a version; other columns are overwritten."""

    table: str
    natural_key: str
    tracked: tuple[str, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def key(self) -> str:
        """The surrogate key."""
        return primary_key(self.table)

    @property
    def grain_key(self) -> str:
        """The frame's column that names the source row."""
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
        """The columns that transform() returns. The key is a bigint: the source may have one that is too large."""
        return (Column(self.natural_key, "bigint", required=True), *self.attributes, CHANGED_AT)

    @property
    def staging(self) -> tuple[Column, ...]:
        """The columns of the staging table."""
        return (*self.frame, ROW_HASH)

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """The rules for rows of the frame. A row is recorded with the first one that it breaks."""
        key, *attributes, _ = self.frame
        keys = Rule(
            key.name,
            "within integer",
            f"{key.name} NOT BETWEEN {LOWEST['integer'] + 1} AND {-LOWEST['integer'] - 1}",
        )
        reserved = unknown_key_is_reserved(self.natural_key)
        return (keys, *implied_by_ddl((key, *attributes)), reserved, *self.rules)


@dataclass(frozen=True)
class Lookup:
    """A fact's key into a dimension, found by the natural key that transform() returns."""

    key: str
    dimension: str
    natural_key: str


@dataclass(frozen=True)
class Fact:
    """One row per event.

    event: the column of when it happened; the dimension versions are those valid then. amount: the column of its money.
    """

    table: str
    event: str
    amount: str
    lookups: tuple[Lookup, ...]
    reconciled: Reconciled
    rules: tuple[Rule, ...] = ()

    @property
    def key(self) -> str:
        """The key of the fact, which is the key of its source row."""
        return primary_key(self.table)

    @property
    def grain_key(self) -> str:
        """The frame's column that names the source row."""
        return self.key

    @property
    def frame(self) -> tuple[Column, ...]:
        """The columns that transform() returns: the table's, with natural keys in place of surrogate keys."""
        natural = {lookup.key: Column(lookup.natural_key, "integer") for lookup in self.lookups}
        return tuple(
            natural.get(column.name, column) for column in columns_of(self.table) if column.name != "batch_id"
        )

    @property
    def staging(self) -> tuple[Column, ...]:
        """The columns of the staging table."""
        return self.frame

    @property
    def published(self) -> tuple[str, ...]:
        """The fact's columns without batch_id, in the order of its frame, lookups under the names of their keys."""
        keys = {lookup.natural_key: lookup.key for lookup in self.lookups}
        return tuple(keys.get(column.name, column.name) for column in self.frame)

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """The rules for rows of the frame. A row is recorded with the first one that it breaks."""
        first, end = (f"TIMESTAMP_NTZ'{edge}'" for edge in (FIRST_VERSION, END_OF_TIME))
        name = f"from {FIRST_VERSION}, before {END_OF_TIME}"
        valid = Rule(self.event, name, f"{self.event} < {first} OR {self.event} >= {end}")
        return (valid, *implied_by_ddl(self.frame), *self.rules)


Target = Scd2Dimension | Fact
