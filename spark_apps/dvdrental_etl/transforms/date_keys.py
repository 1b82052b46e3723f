"""Keys of dim_date: a day as yyyyMMdd, and the members that are no days."""

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column

UNKNOWN, NOT_YET = -1, -2
#: The days that create_dim_date.sql fills in.
FIRST_DAY, LAST_DAY = dt.date(1970, 1, 1), dt.date(2069, 12, 31)
SECONDS_PER_DAY = 86_400


def date_key(column: str) -> "Column":
    """The key of the day that a timestamp falls on; UNKNOWN for NULL and for days that dim_date does not have."""
    from pyspark.sql import functions as F

    moment = F.col(column)
    # unix_timestamp() counts a moment without zone as it stands. A cast to a date would look for the zone's rules,
    # row by row, which took a sixth of a large load.
    day = F.date_from_unix_date((F.unix_timestamp(moment) / SECONDS_PER_DAY).cast("int"))
    key = F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day)
    first, end = (
        dt.datetime.combine(edge, dt.time()) for edge in (FIRST_DAY, LAST_DAY + dt.timedelta(days=1))
    )
    known = (moment >= _ntz(first)) & (moment < _ntz(end))
    return F.when(known, key).otherwise(F.lit(UNKNOWN))


def _ntz(moment: dt.datetime) -> "Column":
    from pyspark.sql import functions as F

    return F.lit(str(moment)).cast("timestamp_ntz")
