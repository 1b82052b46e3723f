"""Pure: a target and the name of its staging table become the SQL that makes the staged rows live.

All statements of one publish run in one transaction, in the order given here. They use what PostgreSQL and Redshift
share, and name tables without schema: the connection's search_path says where. %(as_of)s, %(batch_id)s and %(load_id)s
are bound by the driver.

Staging holds what was read, which may be only what changed. Two small tables, made for each publish, say the rest:
spans, between which bounds a key that is not in staging is gone from the source; and quarantined, the keys of rows
that did not pass the gate.
"""

from dvdrental_etl.model.targets import Scd2Dimension, Target
from dvdrental_etl.publish import fact, scd2
from dvdrental_etl.publish.statements import Step


def steps(target: Target, staging: str) -> tuple[Step, ...]:
    """The publish of a target from its staging table."""
    if isinstance(target, Scd2Dimension):
        return scd2.steps(target, staging)
    return fact.steps(target, staging)
