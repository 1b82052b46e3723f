"""Keys of dim_date: a day as yyyyMMdd, and the members that are no days."""

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column

UNKNOWN, NOT_YET = -1, -2
#: The days that create_dim_date.sql fills in.
FIRST_DAY, LAST_DAY = dt.date(1970, 1, 1), dt.date(2069, 12, 31)


def date_key(column: str) -> "Column":
    """The key of the day that a timestamp falls on; UNKNOWN for NULL and for days that dim_date does not have."""
    from pyspark.sql import functions as F

    day = F.col(column)
    key = F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day)
    known = F.to_date(day).between(F.lit(FIRST_DAY), F.lit(LAST_DAY))
    return F.when(known, key).otherwise(F.lit(UNKNOWN))
