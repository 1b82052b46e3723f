"""The form of a run: what a person may choose."""

from collections.abc import Sequence

from airflow.sdk import Param


def parameters(tables: Sequence[str]) -> dict[str, Param]:
    """The parameters of the DAG, by name. Airflow shows them in this order, and refuses other values."""
    listed = list(tables)
    return {
        "tables": Param(
            listed,
            type="array",
            items={"type": "string", "enum": listed},
            examples=listed,
            minItems=1,
            uniqueItems=True,
            title="Tables",
            description="Which tables to load; the others are skipped.",
        ),
        "full_refresh": Param(
            False,
            type="boolean",
            title="Full refresh",
            description="Read the whole source again instead of what changed.",
        ),
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="As of",
            description="The time that the load stands for; empty means the source's clock at the start of the run.",
        ),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Plan and report, publish nothing."
        ),
        "allow_mass_delete": Param(
            False,
            type="boolean",
            title="Allow mass delete",
            description="Accept that much of a table was deleted in the source, or that it is empty.",
        ),
    }
