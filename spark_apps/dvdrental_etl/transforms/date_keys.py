"""Keys of dim_date: a day as yyyyMMdd, and the members -1 and -2, which are not days."""

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column

UNKNOWN, NOT_YET = -1, -2
#: The first and last day that create_dim_date.sql inserts.
FIRST_DAY, LAST_DAY = dt.date(1970, 1, 1), dt.date(2069, 12, 31)
SECONDS_PER_DAY = 86_400


def date_key(column: str) -> "Column":
    """The key of the day that a timestamp falls on; UNKNOWN for NULL and for days that dim_date does not have."""
    from pyspark.sql import functions as F

    # unix_timestamp() reads a timestamp without zone as UTC. A cast to a date would look up the zone's rules for each
    # row: a sixth of the time of a large load.
    day = F.date_from_unix_date((F.unix_timestamp(column) / SECONDS_PER_DAY).cast("int"))
    key = F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day)
    first, end = FIRST_DAY, LAST_DAY + dt.timedelta(days=1)
    known = F.expr(f"{column} >= timestamp_ntz '{first}' AND {column} < timestamp_ntz '{end}'")
    return F.when(known, key).otherwise(UNKNOWN)
