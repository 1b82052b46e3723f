"""Pure: a target and the name of its staging table become the SQL that makes the staged rows live.

All statements of one publish run in one transaction, in this order. They use the SQL that PostgreSQL and Redshift
share, and name tables without schema: the connection's search_path gives it. The driver binds %(as_of)s, %(batch_id)s
and %(load_id)s.

Staging holds what was read, which may be only what changed. Two small tables, created for each publish, hold the rest:
the key spans within which a key that is not in staging was deleted in the source; and the keys of quarantined rows.
"""

from dvdrental_etl.model.targets import Scd2Dimension, Target
from dvdrental_etl.publish import fact, scd2
from dvdrental_etl.publish.statements import Step


def steps(target: Target, staging: str) -> tuple[Step, ...]:
    """The publish of a target from its staging table."""
    if isinstance(target, Scd2Dimension):
        return scd2.steps(target, staging)
    return fact.steps(target, staging)
