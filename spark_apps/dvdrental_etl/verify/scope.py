"""The scope of a run's verify: the rows of one table that the run may have written wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from dvdrental_etl.verify.predicates import KeyRange, in_keys, listed
from dvdrental_etl.verify.tables import Dimension, Fact


@dataclass(frozen=True)
class RunScope:
    """What a run wrote of one table, and the predicates of the rows that this may have affected.

    newest_batch: the highest batch_id of any run.
    batches: the run's batch, and those of earlier runs that failed and were not checked to the end.
    keys: natural keys of the rows that these batches wrote, in order.
    key_ranges: ranges that are checked as a whole, because the source has inserted or deleted keys there, or rows of
    them are in quarantine.
    has_last_load: whether the last load of the table belongs to these batches.
    first_closed_day: of a fact, the date key of the first day on which a version ends that the batches closed; None if
    they closed none.
    """

    table: Dimension | Fact
    schema: str
    newest_batch: int
    batches: tuple[int, ...]
    keys: Sequence[int] = ()
    key_ranges: Sequence[KeyRange] = ()
    has_last_load: bool = False
    first_closed_day: int | None = None

    @property
    def written_rows(self) -> str:
        """The predicate: rows that the batches wrote."""
        return f"batch_id IN {listed(self.batches)}"

    @property
    def rows_of_unknown_batches(self) -> str:
        """The predicate: rows whose batch_id no run has had."""
        return f"batch_id > {self.newest_batch}"

    @property
    def affected_rows(self) -> str:
        """The predicate: all versions of the members of which the batches wrote one; all rows of such a fact."""
        if isinstance(self.table, Fact):
            return self.rows_with_same(self.table.key)
        return in_keys(self.table.natural_key, self.keys)

    def rows_with_same(self, column: str) -> str:
        """The predicate: rows that have the same value of a column as a row that the batches wrote."""
        return f"{column} IN (SELECT {column} FROM {self.schema}.{self.table.name} WHERE {self.written_rows})"

    @property
    def facts_of_changed_versions(self) -> str:
        """The predicate: facts that the batches wrote, and facts of versions that they closed before the event.

        Facts of an unknown day (-1) are included.
        """
        if self.first_closed_day is None or not isinstance(self.table, Fact):
            return self.written_rows
        closed = " OR ".join(
            f"{lookup.key} IN (SELECT {lookup.dimension_key} FROM {self.schema}.{lookup.dimension}"
            f" WHERE {self.written_rows} AND NOT is_current)"
            for lookup in self.table.lookups
        )
        day = self.table.event_date_key
        return f"{self.written_rows} OR (({day} >= {self.first_closed_day} OR {day} = -1) AND ({closed}))"
